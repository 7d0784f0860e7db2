import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { contentReaders, startContentReader } from './content-reader.ts';
import { timeOfBytes } from './content-time.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'content-reader-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('reads ranges of files where it is told to, and leaves out what is not whole', async () => {
  const path = join(dir, 'file');
  writeFileSync(path, '0123456789');
  const reader = startContentReader();
  await expect.poll(reader.ready).toBe(true);
  const memory = new SharedArrayBuffer(100);
  const reading = reader.read(memory, [
    { path, offset: 0, sizeBytes: 10, at: 0 },
    { path, offset: 2, sizeBytes: 3, at: 50 },
    { path, offset: 5, sizeBytes: 10, at: 60 },
    { path: join(dir, 'gone'), offset: 0, sizeBytes: 1, at: 80 },
  ]);
  expect(reader.waiting()).toBe(1);
  const results = await reading;
  expect([...results!.whole]).toEqual([1, 1, 0, 0]);
  expect(results!.times[0]).toBe(timeOfBytes(Buffer.from('0123456789')));
  expect(results!.times[1]).toBe(timeOfBytes(Buffer.from('234')));
  expect(Buffer.from(memory, 50, 3).toString()).toBe('234');
  const { size, mtimeMs, ctimeMs, ino } = statSync(path);
  expect([...results!.looks.subarray(0, 4)]).toEqual([size, mtimeMs, ctimeMs, ino]);
  reader.close();
  expect([reader.ready(), reader.waiting()]).toEqual([false, 0]);
});

test('answers with nothing when it has ended', async () => {
  const reader = startContentReader();
  await expect.poll(reader.ready).toBe(true);
  const reading = reader.read(new SharedArrayBuffer(1), []);
  reader.close();
  expect(await reading).toBeUndefined();
  expect(await reader.read(new SharedArrayBuffer(1), [])).toBeUndefined();
});

test('a reader that was given back is the next, unless it still has to read', async () => {
  const readers = contentReaders();
  const first = readers.take();
  await expect.poll(first.ready).toBe(true);
  readers.giveBack(first);
  expect(readers.take()).toBe(first);
  const reading = first.read(new SharedArrayBuffer(1), []);
  readers.giveBack(first);
  expect(await reading).toBeUndefined();
  const second = readers.take();
  expect(second).not.toBe(first);
  await expect.poll(second.ready).toBe(true);
  readers.giveBack(second);
  readers.close();
  expect(second.ready()).toBe(false);
});
