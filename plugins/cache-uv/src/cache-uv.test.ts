import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cacheUv } from './index.ts';

const contract = cacheStrategyContract({
  make: cacheUv,
  npmName: '@melange2/cache-uv',
  serves: [{ script: 'uv sync' }],
  ignores: [{ script: 'echo uvx-like' }],
});

for (const { name, run } of contract) test(name, run);
