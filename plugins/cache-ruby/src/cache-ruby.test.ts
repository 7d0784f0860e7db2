import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { cacheRuby } from './index.ts';

const contract = cacheStrategyContract({
  make: cacheRuby,
  npmName: '@melange2/cache-ruby',
  serves: [{ uses: ['ruby/build'] }, { script: 'bundle install' }],
  ignores: [{ script: 'echo gemini' }],
});

for (const { name, run } of contract) test(name, run);
