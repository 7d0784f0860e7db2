import type { Environment } from './environment.ts';
import type { Capabilities } from './package-config.ts';

/** What BuildKit gives to a step that runs as root; other users have none of it in effect. */
const usual: ReadonlySet<string> = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
);

/** The capabilities that a build file adds and that steps get only with all rights, as the file writes them. */
export function unusualCapabilities({ add }: Capabilities): readonly string[] {
  return add.filter((name) => !usual.has(bare(name)));
}

/** The capabilities of a build file that change nothing for its steps, as the file writes them. */
export function idleCapabilities(
  capabilities: Capabilities,
  environment: Environment,
  options: { readonly insecure: boolean },
): readonly string[] {
  const { add, drop } = capabilities;
  const unusual = unusualCapabilities(capabilities);
  if (options.insecure && unusual.length > 0) return drop;
  // Only root has what is usual, and cannot lose it; what nobody has is dropped already.
  if (runsAsRoot(environment)) return [...unusual, ...drop.filter((name) => usual.has(bare(name)))];
  return add;
}

function runsAsRoot({ accounts: { runAs, users } }: Environment): boolean {
  const found = users.find(({ userName, uid }) => userName === runAs || String(uid) === runAs);
  return found === undefined ? runAs === 'root' || /^0(?::|$)/.test(runAs) : found.uid === 0;
}

function bare(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, '');
}
