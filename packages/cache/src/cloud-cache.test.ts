import { expect, test } from 'vitest';
import { cacheSecrets, parseRemoteCache, withCloudAttributes, withoutCacheSecrets } from './index.ts';

const env = {
  ACTIONS_RUNTIME_TOKEN: 'jwt',
  ACTIONS_RESULTS_URL: 'https://results.example/',
  ACTIONS_CACHE_SERVICE_V2: 'True',
  AWS_ACCESS_KEY_ID: 'id',
  AWS_SECRET_ACCESS_KEY: 'key',
  AWS_SESSION_TOKEN: 'session',
  AWS_DEFAULT_REGION: 'eu-central-1',
  BUILDKIT_AZURE_STORAGE_ACCOUNT_URL: 'https://account.example/',
};
const complete = (spec: string): Readonly<Record<string, string>> =>
  withCloudAttributes(parseRemoteCache(spec), env).attributes;

test('a cache in a cloud is completed from the environment of the client', () => {
  expect(complete('type=gha,scope=main')).toEqual({
    scope: 'main',
    token: 'jwt',
    url_v2: 'https://results.example/',
    version: '2',
  });
  expect(complete('type=s3,bucket=b')).toEqual({
    access_key_id: 'id',
    bucket: 'b',
    region: 'eu-central-1',
    secret_access_key: 'key',
    session_token: 'session',
  });
  expect(complete('type=azblob,name=n')).toEqual({ account_url: 'https://account.example/', name: 'n' });
  expect(complete('type=registry,ref=r')).toEqual({ ref: 'r' });
});

test('what the user wrote counts, and accounts are not mixed', () => {
  expect(complete('type=s3,bucket=b,region=r,access_key_id=mine,secret_access_key=own')).toEqual({
    access_key_id: 'mine',
    bucket: 'b',
    region: 'r',
    secret_access_key: 'own',
  });
  expect(complete('type=gha,version=1,token=t')['version']).toBe('1');
});

test('a cache is printed without its secrets, also one that cannot be read', () => {
  expect(withoutCacheSecrets('type=s3,bucket=b,secret_access_key=k/+=,region=r')).toBe(
    'type=s3,bucket=b,secret_access_key=***,region=r',
  );
  expect(withoutCacheSecrets('type=azblob,"SECRET_access_key=a,""b",name=n')).toBe(
    'type=azblob,SECRET_access_key=***,name=n',
  );
  expect(withoutCacheSecrets('"ref=a,b",mode=max')).toBe('"ref=a,b",mode=max');
  expect(() => parseRemoteCache('type=s3,secret_access_key=hidden,oops')).toThrow(
    /^(?!.*hidden).*secret_access_key=\*\*\*,oops/,
  );
});

test('tokens and keys of a cache are secrets, names and places are not', () => {
  expect(cacheSecrets(parseRemoteCache('type=s3,bucket=b,access_key_id=i,secret_access_key=k'))).toEqual([
    'k',
  ]);
  expect(cacheSecrets(parseRemoteCache('type=gha,token=t,url=u'))).toEqual(['t']);
});
