import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cacheGo } from './index.ts';

const contract = cacheStrategyContract({
  make: cacheGo,
  npmName: '@melange2/cache-go',
  serves: [{ uses: ['go/build'] }, { script: 'cd x\ngo build ./...' }],
  ignores: [{ script: 'cargo build' }],
});

for (const { name, run } of contract) test(name, run);
