import { expect, test } from 'vitest';
import { utcTime } from './index.ts';

test.each([
  0,
  1,
  -1,
  951_782_399_999,
  1_709_294_400_000,
  Date.UTC(2024, 1, 29, 23, 59, 59, 7),
  -62_167_219_200_000,
  -62_167_219_200_001,
  253_402_300_799_999,
  253_402_300_800_000,
  8_640_000_000_000_000,
  1_709_294_400_000.75,
])('%d is written as JavaScript writes it', (time) => {
  expect(utcTime(time)).toBe(new Date(time).toISOString());
});

test('what is no time is refused', () => {
  expect(() => utcTime(Number.NaN)).toThrow(RangeError);
  expect(() => utcTime(8_640_000_000_000_001)).toThrow(RangeError);
});
