import { rendererContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { progressTty } from './index.ts';

const contract = rendererContract({
  make: (output) => progressTty({ output, now: () => 0 }),
  npmName: '@melange2/progress-tty',
  terminal: true,
});

for (const { name, run } of contract) test(name, run);
