import { linterContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { plugin } from './index.ts';

const contract = linterContract({
  make: plugin,
  npmName: 'melange2-lint-readme',
  finds: [{ name: 'tool-doc', files: { 'usr/share/man/man1/tool.1': '.TH' } }],
  passes: [
    { name: 'tool-doc', files: { 'usr/share/doc/tool/README.md': 'Read me.' } },
    { name: 'tool', files: { 'usr/bin/tool': { content: '#!/bin/sh\n', mode: 0o755 } } },
  ],
});

for (const { name, run } of contract) test(name, run);
