import { expect, test } from 'vitest';
import { apkVersionOf } from '../world/deb-version.ts';
import { mergedLinkTarget, mergedPath } from '../world/merged-layout.ts';

test('Debian versions become versions that apk orders', () => {
  expect(
    ['2.36-9+deb12u10', '1:1.2.13.dfsg-1', '5.36.0-7', '20220109.1', '3.0~rc1-2', '1.3.3+ds-1', '9e-2'].map(
      apkVersionOf,
    ),
  ).toEqual(['2.36-r9', '1.2.13-r1', '5.36.0-r7', '20220109.1-r0', '3.0_rc1-r2', '1.3.3-r1', '9e-r2']);
});

test('programs and libraries move below usr', () => {
  expect(
    ['bin/sh', 'usr/sbin/useradd', 'lib64/ld.so', 'lib/a/b', 'usr/share/x', 'etc/lib'].map(mergedPath),
  ).toEqual(['usr/bin/sh', 'usr/bin/useradd', 'usr/lib/ld.so', 'usr/lib/a/b', 'usr/share/x', 'etc/lib']);
});

test('links still lead to their targets after both have moved', () => {
  expect(mergedLinkTarget('sbin/a', 'b')).toBe('b');
  expect(mergedLinkTarget('bin/a', '../usr/share/b')).toBe('../share/b');
  expect(mergedLinkTarget('usr/bin/X11', '.')).toBe('.');
  expect(mergedLinkTarget('lib64/ld.so.2', '/lib/x/ld.so.2')).toBe('/usr/lib/x/ld.so.2');
});

test('a link that would lead to itself is none', () => {
  expect(mergedLinkTarget('bin/a', '/usr/bin/a')).toBeUndefined();
  expect(mergedLinkTarget('usr/sbin/a', '../bin/a')).toBeUndefined();
});
