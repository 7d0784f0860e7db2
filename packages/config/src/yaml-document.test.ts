import { expect, test } from 'vitest';
import { readFullYaml } from './yaml-document.ts';

test.each([
  'a: 1\n---\n]}',
  'a: 1\n\n---\n]\nb: 2',
  'a: 1\n...\n]\n',
  'a: 1\n...\n---\n]',
  '# c\n---\na: 1\n--- ]',
  'a: |\n  x\n---\n]',
  '---\n---\n]',
])('what is wrong behind the first document is not told: %j', (text) => {
  expect(readFullYaml(text).problems).toEqual([]);
});

test.each(['---\n]', '---\n]\n---\nb: 1', 'a: 1\n]\n', 'a: [\n---\n]', '"x\n---\n]'])(
  'what is wrong in the first document is told: %j',
  (text) => {
    expect(readFullYaml(text).problems).not.toEqual([]);
  },
);
