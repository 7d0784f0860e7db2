import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cacheCcache } from './index.ts';

const contract = cacheStrategyContract({
  make: cacheCcache,
  npmName: '@melange2/cache-ccache',
  serves: [{ packages: new Map([['ccache', '4.8-r0']]) }],
  ignores: [{ script: 'ccache --version' }],
});

for (const { name, run } of contract) test(name, run);
