const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/**
 * Reads a Go duration such as `1h30m` as nanoseconds; `undefined` when it is none or beyond 64 bits.
 *
 * @see https://pkg.go.dev/time#ParseDuration
 */
export function parseDuration(text: string): bigint | undefined {
  const signed = /^([-+]?)(.+)$/s.exec(text);
  if (signed === null) return undefined;
  const negative = signed[1] === '-';
  const rest = signed[2] ?? '';
  if (rest === '0') return 0n;
  const part = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;
  let total = 0n;
  while (part.lastIndex < rest.length) {
    const match = part.exec(rest);
    if (match === null) return undefined;
    const [, whole = '', fraction = '', unit = ''] = match;
    if (whole === '' && fraction === '') return undefined;
    const size = units[unit] ?? 0n;
    // Like Go: the fraction is cut, not rounded, in binary floating point.
    const digits = fraction.slice(0, 18);
    total += BigInt(whole === '' ? '0' : whole) * size;
    if (digits !== '') total += BigInt(Math.trunc(Number(digits) * (Number(size) / 10 ** digits.length)));
    if (total > 2n ** 63n) return undefined;
  }
  if (negative) return -total;
  return total > 2n ** 63n - 1n ? undefined : total;
}

/**
 * Writes nanoseconds as Go does: `1h30m0s`, `1.5s`, `250ms`, `0s`.
 *
 * @see https://pkg.go.dev/time#Duration.String
 */
export function formatDuration(nanoseconds: bigint): string {
  if (nanoseconds < 0n) return `-${formatDuration(-nanoseconds)}`;
  if (nanoseconds === 0n) return '0s';
  const small = (['ns', 'µs', 'ms'] as const).find((_, i) => nanoseconds < 1000n ** BigInt(i + 1));
  if (small !== undefined) return `${decimal(nanoseconds, units[small] ?? 1n)}${small}`;
  const hours = nanoseconds / 3_600_000_000_000n;
  const minutes = (nanoseconds / 60_000_000_000n) % 60n;
  const seconds = `${decimal(nanoseconds % 60_000_000_000n, 1_000_000_000n)}s`;
  if (hours > 0n) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${minutes}m${seconds}` : seconds;
}

function decimal(value: bigint, unit: bigint): string {
  const fraction = String(value % unit)
    .padStart(String(unit).length - 1, '0')
    .replace(/0+$/, '');
  return `${value / unit}${fraction === '' || unit === 1n ? '' : `.${fraction}`}`;
}
