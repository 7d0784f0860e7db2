import { join } from 'node:path';
import { readmeExamples, runReadmeExample } from '@melange2/testing';
import { expect, test } from 'vitest';

const folder = join(import.meta.dirname, '..');

test.each(readmeExamples(folder))(
  'the example at line $line of the README prints what it says',
  async (example) => {
    expect(await runReadmeExample(folder, example)).toBe(example.expected);
  },
);
