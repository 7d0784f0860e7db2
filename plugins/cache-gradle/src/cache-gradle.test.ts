import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cacheGradle } from './index.ts';

const contract = cacheStrategyContract({
  make: cacheGradle,
  npmName: '@melange2/cache-gradle',
  serves: [{ script: './gradlew assemble' }],
  ignores: [{ script: 'mvn package' }],
});

for (const { name, run } of contract) test(name, run);
