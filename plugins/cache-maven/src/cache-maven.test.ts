import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cacheMaven } from './index.ts';

const contract = cacheStrategyContract({
  make: cacheMaven,
  npmName: '@melange2/cache-maven',
  serves: [{ uses: ['maven/pombump'] }, { script: './mvnw package' }],
  ignores: [{ script: 'gradle build' }],
});

for (const { name, run } of contract) test(name, run);
