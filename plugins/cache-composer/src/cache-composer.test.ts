import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cacheComposer } from './index.ts';

const contract = cacheStrategyContract({
  make: cacheComposer,
  npmName: '@melange2/cache-composer',
  serves: [{ script: 'composer install --no-dev' }],
  ignores: [{ script: 'php x.php' }],
});

for (const { name, run } of contract) test(name, run);
