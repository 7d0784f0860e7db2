import { expect, test } from 'vitest';
import {
  type CacheMount,
  cacheMountId,
  cacheMountNote,
  parseCacheMountDescription,
  parseCacheMountId,
  parseRemoteCache,
  usesTool,
} from './index.ts';

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
  expect(parseCacheMountId(id(7, 'x86_64', ['go-1.24', 'musl']))).toEqual({
    name: 'go-build',
    architecture: 'x86_64',
    uid: 7,
    gid: 7,
    identity: ['go-1.24', 'musl'],
  });
  expect(parseCacheMountId('/root/.cache/go-build')).toBeUndefined();
});

test('the record of a mount tells its id, on old daemons by the command that first used it', () => {
  const id = 'melange2/go-mod/x86_64/1000-1000';
  expect(parseCacheMountDescription(`cached mount /x from exec /bin/sh -c a\n with id "${id}"`)).toEqual({
    target: '/x',
    id,
  });
  const notes = `${cacheMountNote('other', '/y')} ${cacheMountNote(id, '/x')}`;
  expect(parseCacheMountDescription(`cached mount /x from exec /bin/sh -c a\n ${notes}`)).toEqual({
    target: '/x',
    id,
  });
  expect(parseCacheMountDescription('cached mount /x from exec apt update')).toEqual({ target: '/x' });
  expect(parseCacheMountDescription('mount / from exec true')).toBeUndefined();
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
