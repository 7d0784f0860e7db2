import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { unxz, XzDamaged } from './index.ts';

function xz(input: Uint8Array, ...args: string[]): Buffer {
  return execFileSync('xz', ['-c', ...args], { input, maxBuffer: 1 << 26 });
}

const there = ((): boolean => {
  try {
    xz(new Uint8Array());
    return true;
  } catch {
    process.stderr.write('skipped: there is no xz on this machine\n');
    return false;
  }
})();

const text = Buffer.from(Array.from({ length: 6000 }, (_, i) => `line ${i * 7919} of ${i % 13}\n`).join(''));
const noise = randomBytes(30_000);

test.skipIf(!there).each([
  ['nothing', Buffer.alloc(0), []],
  ['text', text, []],
  ['text at a high level', text, ['-9']],
  ['noise between text', Buffer.concat([text, noise, text]), ['-1']],
  [
    'a program',
    Buffer.concat([noise.subarray(0, 1000), Buffer.alloc(10_000), text]),
    ['--lzma2=lc=0,lp=2,pb=0'],
  ],
  ['blocks with other checks', text, ['--block-size=20000', '--check=sha256']],
])('%s, packed by xz, comes out as it was', (_, input, args) => {
  expect(Buffer.from(unxz(xz(input, ...args), 1 << 26)).equals(input)).toBe(true);
});

test.skipIf(!there)('several streams are one', () => {
  const both = Buffer.concat([xz(text), Buffer.alloc(4), xz(noise)]);
  expect(Buffer.from(unxz(both, 1 << 26)).equals(Buffer.concat([text, noise]))).toBe(true);
});

test.skipIf(!there)('damage, other filters and too much are told', () => {
  expect(() => unxz(xz(text).subarray(0, 2000), 1 << 26)).toThrow(XzDamaged);
  expect(() => unxz(xz(text, '--x86', '--lzma2'), 1 << 26)).toThrow('more than one filter');
  expect(() => unxz(xz(text), 1000)).toThrow('more than is believed');
  expect(() => unxz(Buffer.from('hello'), 1000)).toThrow('no xz stream');
});
