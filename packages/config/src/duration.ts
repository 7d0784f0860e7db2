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
