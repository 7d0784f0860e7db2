import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dockerConfigAuth } from './docker-config-auth.ts';

let dir: string;
const path = process.env['PATH'];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'docker-config-'));
});

afterEach(() => {
  process.env['PATH'] = path;
  rmSync(dir, { recursive: true, force: true });
});

const configure = (config: unknown): void =>
  writeFileSync(join(dir, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
const credentials = (host: string): Promise<unknown> => dockerConfigAuth(dir).credentials(host);
const pair = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') });

describe('from the file', () => {
  test('user name and password, by the registry and by old addresses of it', async () => {
    configure({ auths: { 'reg.example:5000': pair('me:p:w'), 'https://old.example/v1/': pair('old:pw') } });
    expect(await credentials('reg.example:5000')).toEqual({ username: 'me', secret: 'p:w' });
    expect(await credentials('old.example')).toEqual({ username: 'old', secret: 'pw' });
    expect(await credentials('other.example')).toBeUndefined();
  });

  test("Docker Hub's under its own name", async () => {
    configure({ auths: { 'https://index.docker.io/v1/': pair('hub:pw') } });
    expect(await credentials('registry-1.docker.io')).toEqual({ username: 'hub', secret: 'pw' });
  });

  test('an identity token, with an empty user name', async () => {
    configure({ auths: { reg: { ...pair('me:'), identitytoken: 'T' } } });
    expect(await credentials('reg')).toEqual({ username: '', secret: 'T' });
  });

  test('nothing when there is no file, and an error that quotes no secrets when it is broken', async () => {
    expect(await credentials('reg')).toBeUndefined();
    configure('{"auths": {"reg": {"auth": "c2VjcmV0"');
    const error = await dockerConfigAuth(dir)
      .credentials('reg')
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'SESSION_DOCKER_CONFIG_INVALID' });
    expect(String(error)).not.toContain('c2VjcmV0');
  });
});

describe('from a helper', () => {
  const helper = (name: string, script: string): void => {
    mkdirSync(join(dir, 'bin'), { recursive: true });
    writeFileSync(join(dir, 'bin', `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
    chmodSync(join(dir, 'bin', `docker-credential-${name}`), 0o755);
    process.env['PATH'] = `${join(dir, 'bin')}:${path ?? ''}`;
  };

  test('of the registry, or the store for all', async () => {
    helper('one', 'read host; echo "{\\"Username\\": \\"$1-$host\\", \\"Secret\\": \\"s\\"}"');
    helper('all', 'echo \'{"Username": "<token>", "Secret": "T"}\'');
    configure({ credHelpers: { reg: 'one' }, credsStore: 'all' });
    expect(await credentials('reg')).toEqual({ username: 'get-reg', secret: 's' });
    expect(await credentials('other')).toEqual({ username: '', secret: 'T' });
  });

  test('that knows none means anonymous', async () => {
    helper('none', 'echo "credentials not found in native keychain"; exit 1');
    configure({ credsStore: 'none' });
    expect(await credentials('reg')).toBeUndefined();
  });

  test.each([
    ['fails', 'echo locked >&2; exit 3', 'ended with exit code 3, saying "locked"'],
    ['speaks nonsense', 'echo hello', 'is not JSON'],
  ])('that %s is an error', async (_, script, words) => {
    helper('bad', script);
    configure({ credsStore: 'bad' });
    await expect(credentials('reg')).rejects.toMatchObject({
      code: 'SESSION_CREDENTIALS_FAILED',
      message: expect.stringContaining(words),
    });
  });

  test('that is not installed, or whose name is a path, is an error', async () => {
    configure({ credsStore: 'absent-for-sure' });
    await expect(credentials('reg')).rejects.toThrow('is not on PATH');
    configure({ credsStore: '../evil' });
    await expect(credentials('reg')).rejects.toThrow('no name of a credential helper');
  });
});
