import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeChunks } from './index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'write-chunks-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function* chunks(count: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) {
    yield Buffer.alloc(100_000, i);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('the file has what the stream had', async () => {
  const path = join(folder, 'whole');
  await writeChunks(path, chunks(30), new AbortController().signal);
  expect(readFileSync(path).length).toBe(3_000_000);
  rmSync(path);
});

test('a file that is removed when it was stopped does not come back', async () => {
  for (let turns = 0; turns < 60; turns++) {
    const stop = new AbortController();
    const path = join(folder, 'stopped');
    const writing = writeChunks(path, chunks(Infinity), stop.signal).catch(() => rm(path, { force: true }));
    for (let i = 0; i < turns % 20; i++) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await writing;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(readdirSync(folder)).toEqual([]);
  }
});

test('the failure of a stream is what is told', async () => {
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x');
    throw new Error('stream reset');
  };
  await expect(writeChunks(join(folder, 'failed'), failing(), new AbortController().signal)).rejects.toThrow(
    'stream reset',
  );
});
