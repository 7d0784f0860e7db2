import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareLibraryNames, formatLoaderCache } from './loader-cache.ts';

const vectors = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');

interface Entry {
  readonly name: string;
  readonly path: string;
  readonly flags: number;
}

function entriesOf(cache: Buffer): Entry[] {
  const text = (at: number): string => cache.toString('latin1', at, cache.indexOf(0, at));
  return Array.from({ length: cache.readUInt32LE(20) }, (_, i) => {
    const at = 48 + i * 24;
    return {
      flags: cache.readUInt32LE(at),
      name: text(cache.readUInt32LE(at + 4)),
      path: text(cache.readUInt32LE(at + 8)),
    };
  });
}

test('entries come back as they were written, names being the ends of their paths', () => {
  const entries = [
    { name: 'libb.so.10', path: '/usr/lib/libb.so.10', flags: 0x303 },
    { name: 'libb.so.9', path: '/usr/lib/libb.so.9', flags: 0x303 },
    { name: 'liba.so', path: '/lib/liba.so', flags: 0xa03 },
  ];
  const cache = Buffer.from(formatLoaderCache(entries.toReversed()));
  expect(entriesOf(cache)).toEqual(entries);
  expect(cache.length % 16).toBe(0);
});

test('the order is that of a cache that glibc has written', ({ skip }) => {
  const file = join(vectors, 'apk/apko/ldso-testdata/ld.so.cache');
  skip(!existsSync(file), `no vectors at ${vectors}`);
  const entries = entriesOf(readFileSync(file));
  expect(entries.length).toBe(65);
  const names = entries.map((e) => e.name);
  expect(names.toSorted((a, b) => compareLibraryNames(b, a))).toEqual(names);
  expect(entriesOf(Buffer.from(formatLoaderCache(entries)))).toEqual(entries);
});
