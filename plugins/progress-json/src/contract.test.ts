import { rendererContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { progressJson } from './index.ts';

const contract = rendererContract({
  make: (output) => progressJson({ output }),
  npmName: '@melange2/progress-json',
});

for (const { name, run } of contract) test(name, run);
