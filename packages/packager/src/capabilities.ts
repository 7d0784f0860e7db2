/** Linux capabilities, each at its number. */
const names: readonly string[] = [
  'chown',
  'dac_override',
  'dac_read_search',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'linux_immutable',
  'net_bind_service',
  'net_broadcast',
  'net_admin',
  'net_raw',
  'ipc_lock',
  'ipc_owner',
  'sys_module',
  'sys_rawio',
  'sys_chroot',
  'sys_ptrace',
  'sys_pacct',
  'sys_admin',
  'sys_boot',
  'sys_nice',
  'sys_resource',
  'sys_time',
  'sys_tty_config',
  'mknod',
  'lease',
  'audit_write',
  'audit_control',
  'setfcap',
  'mac_override',
  'mac_admin',
  'syslog',
  'wake_alarm',
  'block_suspend',
  'audit_read',
  'perfmon',
  'bpf',
  'checkpoint_restore',
];

/** Capabilities of one file, as sets of numbers. */
export interface FileCapabilities {
  readonly permitted: ReadonlySet<number>;
  readonly inheritable: ReadonlySet<number>;
  /** Whether the program has them from its start. */
  readonly effective: boolean;
}

/**
 * Reads entries of `setcap`: capability names, separated by commas, to flags: `+`, `-` or `=` and any of `e`, `i`, `p`.
 *
 * @returns the entry that is no capability, or has no flag, as text.
 */
export function parseCapabilities(
  entries: Iterable<readonly [names: string, flags: string]>,
): FileCapabilities | string {
  const permitted = new Set<number>();
  const inheritable = new Set<number>();
  let effective = false;
  for (const [list, flags] of entries) {
    if (!/^[+=]?[eip]+$/.test(flags)) return `${list}: ${flags}`;
    for (const name of list.split(',').map((n) => n.trim().toLowerCase())) {
      const number = name.startsWith('cap_') ? names.indexOf(name.slice(4)) : -1;
      if (number < 0) return `${list}: ${flags}`;
      if (flags.includes('p')) permitted.add(number);
      if (flags.includes('i')) inheritable.add(number);
    }
    effective ||= flags.includes('e');
  }
  return { permitted, inheritable, effective };
}

/**
 * Encodes capabilities as Linux keeps them in `security.capability`, version 3 for the root of the host.
 *
 * @see https://github.com/torvalds/linux/blob/v6.6/include/uapi/linux/capability.h
 */
export function formatCapabilities({ permitted, inheritable, effective }: FileCapabilities): Uint8Array {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32LE(0x0300_0000 + (effective ? 1 : 0), 0);
  for (const [half, at] of [
    [0, 4],
    [1, 12],
  ] as const) {
    bytes.writeUInt32LE(mask(permitted, half), at);
    bytes.writeUInt32LE(mask(inheritable, half), at + 4);
  }
  return bytes;
}

function mask(numbers: ReadonlySet<number>, half: 0 | 1): number {
  let bits = 0;
  for (const number of numbers) if (Math.floor(number / 32) === half) bits += 2 ** (number % 32);
  return bits;
}
