import type { Environment } from './environment.ts';
import type { Capabilities } from './package-config.ts';

/** What BuildKit gives to a step that runs as root; other users have none of it in effect. */
const usual: ReadonlySet<string> = new Set(
  'audit_write chown dac_override fowner fsetid kill mknod net_bind_service net_raw setfcap setgid setpcap setuid sys_chroot'.split(
    ' ',
  ),
);

/** The others of Linux, see capabilities(7). */
const unusual: ReadonlySet<string> = new Set(
  'audit_control audit_read block_suspend bpf checkpoint_restore dac_read_search ipc_lock ipc_owner lease linux_immutable mac_admin mac_override net_admin net_broadcast perfmon sys_admin sys_boot sys_module sys_nice sys_pacct sys_ptrace sys_rawio sys_resource sys_time sys_tty_config syslog wake_alarm'.split(
    ' ',
  ),
);

/** The capabilities that a build file adds and that steps get only with all rights, as the file writes them. */
export function unusualCapabilities({ add }: Capabilities): readonly string[] {
  return add.filter((name) => !usual.has(bareCapability(name)));
}

/**
 * The capabilities that the steps of a build file have and are to lose, as `setpriv` writes them: `net_raw`, or `all`.
 * Steps of other users than root have none.
 *
 * @param insecure whether steps have all rights
 */
export function droppedCapabilities(
  { drop }: Capabilities,
  { isRoot, insecure }: { readonly isRoot: boolean; readonly insecure: boolean },
): readonly string[] {
  if (!isRoot && !insecure) return [];
  const names = drop
    .map(bareCapability)
    .filter((name) => name === 'all' || usual.has(name) || (insecure && unusual.has(name)));
  return names.includes('all') ? ['all'] : [...new Set(names)].toSorted();
}

/** The capabilities of a build file that change nothing for its steps, as the file writes them. */
export function idleCapabilities(
  capabilities: Capabilities,
  environment: Environment,
  options: { readonly insecure: boolean },
): readonly string[] {
  const { add, drop } = capabilities;
  const beyond = unusualCapabilities(capabilities);
  const unknown = drop.map(bareCapability).flatMap((name, i) => (isKnown(name) ? [] : [drop[i] ?? name]));
  if (options.insecure && beyond.length > 0) return unknown;
  return [...(runsAsRoot(environment) ? beyond : add), ...unknown];
}

function isKnown(name: string): boolean {
  return name === 'all' || usual.has(name) || unusual.has(name);
}

function runsAsRoot({ accounts: { runAs, users } }: Environment): boolean {
  const found = users.find(({ userName, uid }) => userName === runAs || String(uid) === runAs);
  return found === undefined ? runAs === 'root' || /^0(?::|$)/.test(runAs) : found.uid === 0;
}

function bareCapability(name: string): string {
  return name.toLowerCase().replace(/^cap_/, '');
}
