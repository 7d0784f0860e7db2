import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { tarHeader, writeTar } from '@melange2/apk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { archiveHeader, readCacheMountArchive } from './cache-mount-archive.ts';

const id = 'melange2/go-mod/x86_64/1000-1000';
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cache-archive-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function archive(parts: readonly Uint8Array[] = []): Promise<string> {
  const chunks = [...parts];
  const entries = [{ header: tarHeader({ name: 'x', size: 2 }), content: Buffer.from('hi') }];
  for await (const chunk of writeTar(entries)) chunks.push(chunk);
  const file = join(dir, 'a.tar');
  writeFileSync(file, Buffer.concat(chunks));
  return file;
}

test('an archive names the mount that it was made from, compressed or not', async () => {
  const file = await archive([archiveHeader(id)]);
  expect(await readCacheMountArchive(file)).toMatchObject({ id, isGzip: false, sizeBytes: 3072 });
  writeFileSync(file, gzipSync(readFileSync(file)));
  expect(await readCacheMountArchive(file)).toMatchObject({ id, isGzip: true });
});

test('a tar of other making names none, and a comment is no id', async () => {
  expect(await readCacheMountArchive(await archive())).not.toHaveProperty('id');
  expect(await readCacheMountArchive(await archive([archiveHeader('a commit')]))).not.toHaveProperty('id');
});

test.each([
  ['is not there', undefined],
  ['is empty', ''],
  ['is something else', 'no tar at all, whatever it says'.repeat(40)],
])('a file that %s is refused', async (_, text) => {
  const file = join(dir, 'b.tar');
  if (text !== undefined) writeFileSync(file, text);
  await expect(readCacheMountArchive(file)).rejects.toMatchObject({ code: 'CACHE_ARCHIVE_INVALID' });
});
