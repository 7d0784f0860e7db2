import { expect, test } from 'vitest';
import { parseDuration } from './duration.ts';

test('durations are sums of numbers with units, as Go reads them', () => {
  const read = ['1h30m', '90s', '1.5h', '-2us', '+1ms', '0', '1h0m0.000000001s', '2562047h47m16s'].map(
    parseDuration,
  );
  expect(read).toEqual([
    5_400_000_000_000n,
    90_000_000_000n,
    5_400_000_000_000n,
    -2000n,
    1_000_000n,
    0n,
    3_600_000_000_001n,
    9_223_372_036_000_000_000n,
  ]);
});

test('numbers without unit, unknown units and more than 64 bits are none', () => {
  const read = ['', '90', '1H', 'h', '.s', '1h 2m', '1d', '2562048h', '--1s'].map(parseDuration);
  expect(read).toEqual(Array.from({ length: 9 }, () => undefined));
});
