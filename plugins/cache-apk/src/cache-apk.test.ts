import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cacheApk } from './index.ts';

const contract = cacheStrategyContract({
  make: cacheApk,
  npmName: '@melange2/cache-apk',
  serves: [{ script: 'apk add zlib-dev' }],
  ignores: [{ script: 'ls x.apk' }],
});

for (const { name, run } of contract) test(name, run);
