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

/** Writes nanoseconds as Go prints a duration: `1h30m0s`. */
export function formatDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  const negative = nanoseconds < 0n;
  const left = negative ? -nanoseconds : nanoseconds;
  const sign = negative ? '-' : '';
  if (left < 1000n) return `${sign}${left}ns`;
  if (left < 1_000_000n) return `${sign}${decimal(left, 3)}µs`;
  if (left < 1_000_000_000n) return `${sign}${decimal(left, 6)}ms`;
  const minutes = left / 60_000_000_000n;
  const seconds = `${decimal(left % 60_000_000_000n, 9)}s`;
  if (minutes === 0n) return sign + seconds;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function decimal(value: bigint, digits: number): string {
  const text = String(value).padStart(digits + 1, '0');
  const fraction = text.slice(-digits).replace(/0+$/, '');
  return text.slice(0, -digits) + (fraction === '' ? '' : `.${fraction}`);
}
