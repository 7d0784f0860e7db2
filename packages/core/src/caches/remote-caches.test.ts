import { redactor } from '@melange2/diagnostics';
import { createBuildHooks } from '@melange2/plugin-api';
import { expect, test } from 'vitest';
import type { Kernel } from '../kernel.ts';
import { remoteCaches } from './remote-caches.ts';

function kernel(env: Readonly<Record<string, string>> = {}): Kernel {
  return {
    hooks: createBuildHooks(),
    host: { env, cwd: '/work', now: () => 0, version: '0' },
    redactor: redactor(),
  };
}

test('caches reach the daemon with the attributes that it knows, and results of all steps unless told otherwise', () => {
  const specs = [
    'type=s3,bucket=b,region=r,endpoint_url=http://127.0.0.1:9000,use_path_style=true,prefix=p/',
    'type=azblob,account_url=https://a.example,container=c,name=n,secret_access_key=k',
    'type=gha,scope=main,url_v2=https://g.example,token=t,version=2',
    'type=registry,ref=r.example/c:x,mode=min,compression=zstd',
    'type=inline',
  ];
  expect(remoteCaches(specs, 'write', kernel())).toEqual([
    {
      type: 's3',
      attributes: {
        mode: 'max',
        bucket: 'b',
        region: 'r',
        endpoint_url: 'http://127.0.0.1:9000',
        use_path_style: 'true',
        prefix: 'p/',
      },
    },
    {
      type: 'azblob',
      attributes: {
        mode: 'max',
        account_url: 'https://a.example',
        container: 'c',
        name: 'n',
        secret_access_key: 'k',
      },
    },
    {
      type: 'gha',
      attributes: { mode: 'max', version: '2', scope: 'main', url_v2: 'https://g.example', token: 't' },
    },
    { type: 'registry', attributes: { mode: 'min', ref: 'r.example/c:x', compression: 'zstd' } },
    { type: 'inline', attributes: {} },
  ]);
});

test('folders are those of the current folder, and what is read has no mode', () => {
  expect(remoteCaches(['type=local,src=cache', 'r.example/c'], 'read', kernel())).toEqual([
    { type: 'local', attributes: { src: '/work/cache' } },
    { type: 'registry', attributes: { ref: 'r.example/c' } },
  ]);
});

test('keys of a cache, from its text or the environment, are shown nowhere', () => {
  const made = kernel({ ACTIONS_RUNTIME_TOKEN: 'token-of-the-runner' });
  remoteCaches(['type=gha', 'type=s3,access_key_id=i,secret_access_key=key-of-the-bucket'], 'read', made);
  const text = made.redactor.redact('token-of-the-runner key-of-the-bucket');
  expect(text).not.toMatch(/runner|bucket/);
});

test('a type that a plugin knows is the plugin’s', () => {
  const made = kernel();
  const store = { load: async () => {}, save: async () => {} };
  made.hooks.resolveCacheBackend.for('http').tap('x', (cache) => ({ ...cache, store }));
  expect(remoteCaches(['type=http,url=u'], 'write', made)).toEqual([
    { type: 'http', attributes: { mode: 'max', url: 'u' }, store },
  ]);
});
