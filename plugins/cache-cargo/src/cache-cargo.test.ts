import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cacheCargo } from './index.ts';

const contract = cacheStrategyContract({
  make: cacheCargo,
  npmName: '@melange2/cache-cargo',
  serves: [{ uses: ['cargo/build'] }, { script: 'cargo auditable build' }],
  ignores: [{ script: 'go build' }],
});

for (const { name, run } of contract) test(name, run);
