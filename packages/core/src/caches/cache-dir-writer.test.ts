import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTar, tarHeader, type TarHeader, writeTar } from '@melange2/apk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCacheDir } from './cache-dir-writer.ts';

let dir: string;
let folder: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cache-dir-'));
  folder = join(dir, 'cache');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Has the folder receive these; returns the warnings, and what was left to others. */
async function receive(
  entries: readonly (readonly [Partial<TarHeader> & { name: string }, string?])[],
): Promise<{ warnings: string[]; others: string[] }> {
  const warnings: string[] = [];
  const others: string[] = [];
  const writer = await openCacheDir(folder, (text) => warnings.push(text));
  const inputs = entries.map(([fields, text]) => ({
    header: tarHeader({ ...fields, size: text?.length ?? 0 }),
    ...(text === undefined ? {} : { content: Buffer.from(text) }),
  }));
  for await (const entry of readTar(writeTar(inputs), { archive: 'test' })) {
    if (!(await writer.receive(entry))) others.push(entry.name);
  }
  return { warnings, others };
}

const shaOf = (text: string): string => createHash('sha256').update(text).digest('hex');

test('files, links and second names come into the folder, which is made, with their modes', async () => {
  const { warnings, others } = await receive([
    [{ name: 'logs/0' }, 'x'],
    [{ name: 'cache/a/b', mode: 0o755 }, 'hello'],
    [{ name: 'cache/a/c', type: 'hardLink', linkName: 'cache/a/b' }],
    [{ name: 'cache/d', type: 'symlink', linkName: 'a/b' }],
    [{ name: `cache/sha256:${shaOf('tar')}` }, 'tar'],
  ]);
  expect({ warnings, others }).toEqual({ warnings: [], others: ['logs/0'] });
  expect(readFileSync(join(folder, 'd'), 'utf8')).toBe('hello');
  expect(statSync(join(folder, 'a/b')).mode & 0o777).toBe(0o755);
  expect(readFileSync(join(folder, 'a/c'), 'utf8')).toBe('hello');
  expect(readdirSync(folder, { recursive: true }).map(String).toSorted()).toEqual([
    'a',
    'a/b',
    'a/c',
    'd',
    `sha256:${shaOf('tar')}`,
  ]);
});

test('a file that is the same is left alone, another one is replaced', async () => {
  await receive([[{ name: 'cache/a' }, 'one']]);
  const before = statSync(join(folder, 'a')).ino;
  await receive([[{ name: 'cache/a' }, 'one']]);
  expect(statSync(join(folder, 'a')).ino).toBe(before);
  await receive([[{ name: 'cache/a' }, 'two']]);
  expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('two');
});

test('nothing is written outside of the folder, nor through links', async () => {
  mkdirSync(folder);
  symlinkSync(dir, join(folder, 'out'));
  const { warnings } = await receive([
    [{ name: 'cache/out/x' }, 'bad'],
    [{ name: 'cache/l', type: 'symlink', linkName: '../../etc/passwd' }],
    [{ name: 'cache/m', type: 'symlink', linkName: '/etc/passwd' }],
    [{ name: 'cache/n', type: 'hardLink', linkName: 'cache/out/y' }],
  ]);
  expect(warnings).toHaveLength(4);
  expect(existsSync(join(dir, 'x'))).toBe(false);
  expect(readdirSync(folder)).toEqual(['out']);
});

test('a source that is not what its name says, or ends too early, is not there', async () => {
  const name = `sha256:${shaOf('right')}`;
  const { warnings } = await receive([[{ name: `cache/${name}` }, 'wrong']]);
  expect(warnings[0]).toContain('its content is not what its name says');
  const chunks: Uint8Array[] = [];
  const header = tarHeader({ name: 'cache/long', size: 4096 });
  for await (const chunk of writeTar([{ header, content: Buffer.alloc(4096) }])) chunks.push(chunk);
  const writer = await openCacheDir(folder, () => {});
  const cut = Buffer.concat(chunks).subarray(0, 2048);
  const reading = (async () => {
    for await (const entry of readTar([cut], { archive: 'test' })) await writer.receive(entry);
  })();
  await expect(reading).rejects.toThrow();
  expect(readdirSync(folder)).toEqual([]);
});

test('a folder that cannot be written is a warning', async () => {
  writeFileSync(folder, 'a file');
  const { warnings } = await receive([[{ name: 'cache/a' }, 'one']]);
  expect(warnings.length).toBeGreaterThan(0);
});
