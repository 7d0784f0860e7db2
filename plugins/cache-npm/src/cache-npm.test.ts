import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cacheNpm } from './index.ts';

const contract = cacheStrategyContract({
  make: cacheNpm,
  npmName: '@melange2/cache-npm',
  serves: [{ uses: ['npm/install'] }, { script: 'npm ci' }],
  ignores: [{ script: 'pnpm-like x' }],
});

for (const { name, run } of contract) test(name, run);
