import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineDiff } from './line-diff.ts';

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

test('equal texts have no difference', () => {
  expect(lineDiff('a\nb\n', 'a\nb\n')).toBe('');
});

test('changes are shown with three lines around, as diff does', () => {
  const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
  const after = ['1', '2', '3', '4', 'five', '6', '7', '8', '9'];
  expect(lineDiff(textOf(before), textOf(after))).toBe(
    '@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n',
  );
});

test('git makes the second text of the first by it', () => {
  const dir = mkdtempSync(join(tmpdir(), 'line-diff-'));
  const path = join(dir, 'text');
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(lines, lines, (one, two) => {
      const [before, after] = [textOf(one), textOf(two)];
      writeFileSync(path, before);
      const input = `--- a/text\n+++ b/text\n${lineDiff(before, after)}`;
      if (before !== after) execFileSync('git', ['apply', '-'], { cwd: dir, input });
      expect(readFileSync(path, 'utf8')).toBe(after);
    }),
    { numRuns: 30 },
  );
  rmSync(dir, { recursive: true });
});
