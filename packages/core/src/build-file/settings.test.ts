import { expect, test } from 'vitest';
import { buildArchitectures } from '../architectures.ts';
import { httpCredentials } from '../http-credentials.ts';
import { sourceDateEpoch } from '../source-date-epoch.ts';

test('architectures have any of their names, each counts once', () => {
  expect(buildArchitectures(['amd64', 'x86_64', 'arm64'], 'x64')).toEqual(['x86_64', 'aarch64']);
  expect(buildArchitectures([], 'arm64')).toEqual(['aarch64']);
  expect(() => buildArchitectures(['vax'], 'x64')).toThrow('"vax" is not known');
});

test('the date of packages is --build-date, else SOURCE_DATE_EPOCH, else none', () => {
  expect(sourceDateEpoch('2001-09-09T01:46:40Z', { SOURCE_DATE_EPOCH: '5' })).toBe(1_000_000_000);
  expect(sourceDateEpoch(undefined, { SOURCE_DATE_EPOCH: '5' })).toBe(5);
  expect(sourceDateEpoch(undefined, {})).toBe(0);
  expect(() => sourceDateEpoch('yesterday', {})).toThrow('"yesterday" of --build-date');
  expect(() => sourceDateEpoch(undefined, { SOURCE_DATE_EPOCH: '-1' })).toThrow('seconds since 1970');
});

test('HTTP_AUTH names its host, and its password never stands in an error', () => {
  const find = httpCredentials({ HTTP_AUTH: 'basic:apk.example:me:pa:ss' });
  expect(find('apk.example')).toEqual({ username: 'me', password: 'pa:ss' });
  expect(find('apk.example:8080')).toEqual({ username: 'me', password: 'pa:ss' });
  expect(find('other.example')).toBeUndefined();
  expect(() => httpCredentials({ HTTP_AUTH: 'digest:h:u:hunter2' })).toThrow(/^(?!.*hunter2)/);
  expect(() => httpCredentials({ HTTP_AUTH: 'basic:h:u' })).toThrow(
    expect.objectContaining({ code: 'HTTP_AUTH_INVALID' }),
  );
});
