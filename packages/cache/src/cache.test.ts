import { expect, test } from 'vitest';
import { type CacheMount, cacheMountId, cacheMountName, parseRemoteCache, usesTool } from './index.ts';

const mount: CacheMount = {
  name: 'go-build',
  target: '/x',
  sharing: 'shared',
  env: {},
  identity: [],
  plugin: 'p',
};

test('a mount has another id for each writer and tool chain', () => {
  const id = (uid: number, architecture: string, identity: string[]): string =>
    cacheMountId({ ...mount, identity }, { uid, gid: uid, architecture });
  expect(id(1000, 'x86_64', ['go-1.24'])).toBe('melange2/go-build/x86_64/1000-1000/go-1.24');
  expect(
    new Set([id(0, 'x86_64', []), id(1000, 'x86_64', []), id(1000, 'aarch64', []), id(0, 'x86_64', ['a'])])
      .size,
  ).toBe(4);
  expect(id(1, 'x', ['b', 'a'])).toBe(id(1, 'x', ['a', 'b']));
  expect(cacheMountName(id(0, 'x86_64', []))).toBe('go-build');
});

test('a step uses a tool when it starts it or comes from its pipelines', () => {
  const step = { uses: ['go/build'], script: '', env: {}, packages: new Map() };
  expect(usesTool(step, ['go'], ['go'])).toBe(true);
  expect(usesTool({ ...step, uses: [], script: 'cd x && /usr/bin/go build' }, ['go'])).toBe(true);
  expect(usesTool({ ...step, uses: [], script: 'cargo build; echo gopher' }, ['go'])).toBe(false);
});

test('a remote cache is read as BuildKit users write it', () => {
  expect(parseRemoteCache('localhost:5000/c')).toEqual({
    type: 'registry',
    attributes: { ref: 'localhost:5000/c' },
  });
  expect(parseRemoteCache('type=s3,"name=a,b",mode=max')).toEqual({
    type: 's3',
    attributes: { name: 'a,b', mode: 'max' },
  });
  expect(() => parseRemoteCache('type=s3,mode=most')).toThrow('mode is "most"');
  expect(() => parseRemoteCache('ref=x')).toThrow('no type');
});
