import { expect, test } from 'vitest';
import { HeldContents } from './held-contents.ts';
import type { EntryContent } from './tree-entry.ts';

const size = 256 << 10;

function content(n: number): EntryContent {
  return { source: { kind: 'file', path: `/${n}`, sizeBytes: size } };
}

test('a content that is sent stays as it is until it is released, whatever is read meanwhile', () => {
  const held = new HeldContents();
  const read = (n: number): EntryContent => {
    const one = content(n);
    const room = held.room(size);
    room.fill(n);
    held.keep(one, room);
    return one;
  };
  const first = held.take(read(1))!;
  const forgotten = read(2);
  for (let n = 3; n < 200; n++) read(n);
  expect(held.take(forgotten)).toBeUndefined();
  expect(first.bytes.every((byte) => byte === 1)).toBe(true);
  first.release();
  const memory = first.bytes.buffer;
  const others = new Set<ArrayBufferLike>();
  for (let n = 0; n < 200; n++) {
    // Each is sent for a while, so that slabs have to make way again and again.
    const next = held.take(read(n))!;
    others.add(next.bytes.buffer);
    for (let more = 0; more < 60; more++) read(more);
    next.release();
  }
  // Released memory is used again, instead of more and more of it.
  expect(others.has(memory)).toBe(true);
  expect(others.size).toBeLessThan(10);
});
