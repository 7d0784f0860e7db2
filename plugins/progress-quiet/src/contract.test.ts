import { rendererContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { progressQuiet } from './index.ts';

const contract = rendererContract({
  make: (output) => progressQuiet({ output }),
  npmName: '@melange2/progress-quiet',
});

for (const { name, run } of contract) test(name, run);
