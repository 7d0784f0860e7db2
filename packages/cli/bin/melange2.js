#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

enableCompileCache?.();
// A build passes much through that lives for a moment. Left to itself, Node lets that pile up: 15 MB in a build with
// nothing changed. Told to Node 24 alone, for the word is V8's and another one may not know it.
if (process.versions.node.startsWith('24.')) setFlagsFromString('--semi-space-growth-factor=1');
const { main } = await import('../dist/bundle/main.js');
await main();
