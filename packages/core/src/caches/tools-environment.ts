import type { Attachables, Client } from '@melange2/buildkit-client';
import { BuildError } from '@melange2/diagnostics';
import { assemble, lockEnvironment, openTransport } from '@melange2/environment';
import type { State } from '@melange2/llb';
import type { Host } from '../build-request.ts';
import { cacheFolder } from './cache-folder.ts';
import { errors } from '../errors.ts';
import { httpCredentials } from '../http-credentials.ts';

/** Where the few programs come from that work on a daemon's side needs: a shell and tar. */
export interface ToolsRequest {
  readonly repositories: readonly string[];
  readonly keyring: readonly string[];
  readonly ignoreSignatures: boolean;
  /** Packages that have `/bin/sh` and `tar`. */
  readonly packages: readonly string[];
  /** apk's name of the architecture. */
  readonly architecture: string;
  readonly apkCacheDir?: string;
}

/** A root with the programs. */
export interface Tools {
  readonly root: State;
  readonly session: Pick<Attachables, 'localDirs' | 'contentStores'>;
  readonly caps: ReadonlySet<string>;
}

/**
 * Puts a small environment together and works in it.
 *
 * @throws {BuildError} BUILD_ENVIRONMENT_UNSOLVABLE, those of the environment
 */
export async function withTools<T>(
  client: Client,
  request: ToolsRequest & { readonly host: Pick<Host, 'env' | 'cwd'>; readonly signal: AbortSignal },
  work: (tools: Tools) => Promise<T>,
): Promise<T> {
  const { repositories, keyring, ignoreSignatures, packages, architecture, host, signal } = request;
  const cacheDir = request.apkCacheDir ?? cacheFolder(host.env);
  const transport = openTransport({ credentials: httpCredentials(host.env) });
  try {
    const { value: locked, diagnostics } = await lockEnvironment({
      world: packages,
      repositories,
      keyring,
      arch: architecture,
      directory: host.cwd,
      cacheDir,
      transport,
      ignoreSignatures,
      signal,
    });
    if (locked === undefined) {
      const details = {
        package: packages.join(', '),
        architecture,
        tested: false,
        count: diagnostics.length,
      };
      const { title, message, hint } = errors.BUILD_ENVIRONMENT_UNSOLVABLE;
      throw new BuildError('BUILD_ENVIRONMENT_UNSOLVABLE', title, message(details), details, {
        diagnostics,
        hint: hint?.(details),
      });
    }
    const { llb: caps } = await client.capabilities({ signal });
    const { state, attachables } = await assemble(locked, { cacheDir, transport, caps, signal });
    const { localDirs, contentStores } = attachables;
    const session = {
      ...(localDirs === undefined ? {} : { localDirs }),
      ...(contentStores === undefined ? {} : { contentStores }),
    };
    return await work({ root: state, session, caps });
  } finally {
    await transport.close();
  }
}
