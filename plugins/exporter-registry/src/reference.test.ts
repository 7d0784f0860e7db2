import { expect, test } from 'vitest';
import { parseReference } from './index.ts';

test.each([
  ['localhost:5000/a/b:dev', { host: 'localhost:5000', repository: 'a/b', tag: 'dev' }],
  ['registry.example.com/a', { host: 'registry.example.com', repository: 'a', tag: 'latest' }],
  ['me/app:1.0', { host: 'registry-1.docker.io', repository: 'me/app', tag: '1.0' }],
  ['busybox', { host: 'registry-1.docker.io', repository: 'library/busybox', tag: 'latest' }],
  ['Bad/Name', undefined],
  ['host.example/', undefined],
])('%s is read as docker reads it', (text, expected) => {
  expect(parseReference(text)).toEqual(expected);
});
