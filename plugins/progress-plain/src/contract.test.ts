import { rendererContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { progressPlain } from './index.ts';

const contract = rendererContract({
  make: (output) => progressPlain({ output }),
  npmName: '@melange2/progress-plain',
});

for (const { name, run } of contract) test(name, run);
