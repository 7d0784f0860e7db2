import { rendererContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { progressGithub } from './index.ts';

const contract = rendererContract({
  make: (output) => progressGithub({ output }),
  npmName: '@melange2/progress-github',
});

for (const { name, run } of contract) test(name, run);
