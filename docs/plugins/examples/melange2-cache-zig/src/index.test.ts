import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { plugin } from './index.ts';

const contract = cacheStrategyContract({
  make: plugin,
  npmName: 'melange2-cache-zig',
  serves: [{ script: 'zig build' }, { script: 'cd src && zig build-exe main.zig' }],
  ignores: [{ script: 'make' }, { script: 'echo zigzag' }],
});

for (const { name, run } of contract) test(name, run);
