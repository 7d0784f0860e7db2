import { rendererContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { plugin } from './index.ts';

const contract = rendererContract({
  make: (output) => plugin({ output }),
  npmName: 'melange2-progress-dots',
});

for (const { name, run } of contract) test(name, run);
