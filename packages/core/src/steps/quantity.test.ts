import { expect, test } from 'vitest';
import { parseCpus, parseMemory } from './quantity.ts';

test.each([
  ['4Gi', 4 * 2 ** 30],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['500M', 500_000_000],
  ['1024', 1024],
  ['0', undefined],
  ['4GB', undefined],
  ['', undefined],
  ['-1Gi', undefined],
])('%j of memory is %j bytes', (text, bytes) => {
  expect(parseMemory(text)).toBe(bytes);
});

test.each([
  ['4', 4],
  ['500m', 0.5],
  ['1.5', 1.5],
  ['0', undefined],
  ['four', undefined],
])('%j is %j processors', (text, cpus) => {
  expect(parseCpus(text)).toBe(cpus);
});
