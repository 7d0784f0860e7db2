import { expect, test } from 'vitest';
import { formatRateLimit, mirrorStanza, parseRateLimit } from './rate-limit.ts';

const read = (headers: Readonly<Record<string, string>>): string =>
  formatRateLimit(parseRateLimit((name) => headers[name], 1_000_000_000_000));

test('limits are read as registries write them', () => {
  expect(
    read({ 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600', 'retry-after': '90' }),
  ).toBe('100 requests in 6 h, 0 left, again in 90 s');
  expect(
    read({ 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '1000000120' }),
  ).toBe('60 requests, 3 left, again in 2 min');
  expect(read({ 'retry-after': 'Sun, 09 Sep 2001 01:46:45 GMT' })).toBe('again in 5 s');
  expect(read({})).toBe('');
});

test('a mirror is named by the name that images have, not by the host', () => {
  expect(mirrorStanza('registry-1.docker.io')).toMatch(/^\[registry\."docker\.io"\][^]*registry-mirrors/);
  expect(mirrorStanza('ghcr.io')).not.toContain('registry-mirrors');
});
