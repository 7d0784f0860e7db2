import { expect, test } from 'vitest';
import { packagesWith } from './missing-package.ts';
import type { MissingThing } from './verdict.ts';

const packages = [
  { name: 'make', provides: ['cmd:make=4.4-r0', 'cmd:make-first=4.4-r0'] },
  { name: 'zlib', origin: 'zlib', provides: ['so:libz.so.1=1.3'] },
  { name: 'zlib-dev', origin: 'zlib', provides: ['pc:zlib=1.3-r0'] },
  { name: 'openssl-dev', origin: 'openssl', provides: ['pc:libssl=3.5', 'pc:openssl=3.5'] },
  { name: 'libcurl-openssl4', origin: 'curl', provides: ['so:libcurl.so.4=4.8'] },
  { name: 'curl-dev', origin: 'curl', provides: ['pc:libcurl=8.5'] },
  { name: 'libbz2-1.0', origin: 'bzip2', provides: ['so:libbz2.so.1.0=1.0'] },
  { name: 'bzip2-dev', origin: 'bzip2' },
];

test.each<[MissingThing['kind'], string, string[]]>([
  ['command', 'make', ['make']],
  ['command', 'mak', []],
  ['module', 'libcurl', ['curl-dev']],
  ['module', 'zlib >= 1.2', ['zlib-dev']],
  ['library', 'z', ['zlib-dev']],
  ['library', 'bz2', ['bzip2-dev']],
  ['library', 'ssl', ['openssl-dev']],
  ['header', 'zlib.h', ['zlib-dev']],
  ['header', 'curl/curl.h', ['curl-dev']],
  ['header', 'openssl/evp.h', ['openssl-dev']],
  ['header', 'nothing.h', []],
])('the %s %s is in %j', (kind, name, found) => {
  expect(packagesWith({ kind, name }, packages)).toEqual(found);
});
