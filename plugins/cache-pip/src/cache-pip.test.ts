import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cachePip } from './index.ts';

const contract = cacheStrategyContract({
  make: cachePip,
  npmName: '@melange2/cache-pip',
  serves: [
    { uses: ['python/build-wheel'] },
    { script: 'pip3 install x', packages: new Map([['python-3.12', '3.12.4-r1']]) },
  ],
  ignores: [{ script: 'npm ci' }],
});

for (const { name, run } of contract) test(name, run);
