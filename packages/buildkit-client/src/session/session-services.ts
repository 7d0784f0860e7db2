import { contentReaders, type ContentReaders } from './fsutil/content-reader.ts';
import type { CallHandler } from './server-call.ts';
import { authService } from './services/auth.ts';
import { contentStoresService } from './services/content-stores.ts';
import { exportsService } from './services/exports.ts';
import { localDirsService } from './services/local-dirs.ts';
import { secretsService } from './services/secrets.ts';
import { sessionExporterService } from './services/session-exporter.ts';
import { sourcePolicyService } from './services/source-policy.ts';
import { sshAgentsService } from './services/ssh-agents.ts';
import { uploadsService } from './services/uploads.ts';
import type { SessionHost, SessionPlan } from './session-host.ts';

/** The handlers of what a session offers, by method path. */
export interface SessionServices {
  readonly handlers: ReadonlyMap<string, CallHandler>;
  /** Lets go of files; call it when no call is running any more. */
  readonly close: () => Promise<void>;
}

/**
 * Makes the handlers of everything that the plan offers, and of nothing else: what is not offered is not called.
 *
 * @param kept readers that outlive the session.
 */
export function sessionServices(
  plan: SessionPlan,
  host: SessionHost,
  kept?: ContentReaders,
): SessionServices {
  const readers = kept ?? contentReaders();
  const dirs =
    plan.localDirs === undefined ? undefined : localDirsService(plan.localDirs, plan.cacheDir, host, readers);
  const stores = plan.contentStores === undefined ? undefined : contentStoresService(plan.contentStores);
  return {
    handlers: new Map([
      ...(dirs === undefined ? [] : dirs.handlers),
      ...(plan.exports === undefined ? [] : exportsService(plan.exports, host)),
      ...(plan.secrets === undefined ? [] : secretsService(plan.secrets, host)),
      ...(plan.ssh === undefined ? [] : sshAgentsService(plan.ssh)),
      ...(plan.auth ? authService(host) : []),
      ...(stores === undefined ? [] : stores.handlers),
      ...(plan.uploads === undefined ? [] : uploadsService(plan.uploads, host)),
      ...(plan.sourcePolicy ? sourcePolicyService(host) : []),
      ...(plan.sessionExporter ? sessionExporterService(host) : []),
    ]),
    async close() {
      await dirs?.close();
      await stores?.close();
      if (kept === undefined) readers.close();
    },
  };
}
