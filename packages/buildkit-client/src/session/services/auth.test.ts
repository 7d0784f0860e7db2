import { createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { filesync } from '@melange2/proto';
import { afterEach, describe, expect, test } from 'vitest';
import { testSession, type TestSession } from '../testing/fake-peer.ts';

const { methods } = filesync.Auth;
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

let session: TestSession | undefined;
const servers: { close: () => void; closeAllConnections: () => void }[] = [];

afterEach(async () => {
  await session?.close();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

type Credentials = { username: string; secret: string };

function start(accounts: Readonly<Record<string, Credentials>>): TestSession {
  session = testSession({ auth: true }, { credentials: (host) => Promise.resolve(accounts[host]) });
  return session;
}

test('user name and secret are given where they are known, and nothing elsewhere', async () => {
  const { peer } = start({ 'reg.example': { username: 'me', secret: 'pass' } });
  expect(await peer.unary(methods.Credentials, { Host: 'reg.example' })).toEqual({
    Username: 'me',
    Secret: 'pass',
  });
  expect(await peer.unary(methods.Credentials, { Host: 'other.example' })).toEqual({
    Username: '',
    Secret: '',
  });
});

test('the token authority signs what its public key verifies, and differs by registry and salt', async () => {
  const { peer } = start({ a: { username: 'me', secret: 'x' }, b: { username: 'me', secret: 'x' } });
  const salt = Buffer.from('salt');
  const payload = Buffer.from('challenge of the daemon');
  const { PublicKey: key } = await peer.unary(methods.GetTokenAuthority, { Host: 'a', Salt: salt });
  const { Signed: signed } = await peer.unary(methods.VerifyTokenAuthority, {
    Host: 'a',
    Salt: salt,
    Payload: payload,
  });
  expect(Buffer.from(signed.subarray(64)).equals(payload)).toBe(true);
  const publicKey = createPublicKey({ key: Buffer.concat([spkiPrefix, key]), format: 'der', type: 'spki' });
  expect(verify(null, payload, publicKey, signed.subarray(0, 64))).toBe(true);
  const keys = await Promise.all(
    [
      { host: 'a', text: 'salt' },
      { host: 'a', text: 'other' },
      { host: 'b', text: 'salt' },
      { host: 'none', text: 'salt' },
    ].map(async ({ host, text }) =>
      Buffer.from(
        (await peer.unary(methods.GetTokenAuthority, { Host: host, Salt: Buffer.from(text) })).PublicKey,
      ).toString('hex'),
    ),
  );
  expect(keys[0]).toBe(Buffer.from(key).toString('hex'));
  expect(new Set(keys).size).toBe(4);
});

describe('tokens are fetched', () => {
  interface Asked {
    readonly method: string;
    readonly url: string;
    readonly body: string;
    readonly authorization: string | undefined;
  }

  async function tokenServer(
    answer: (asked: Asked) => [number, unknown],
  ): Promise<{ realm: string; asked: Asked[] }> {
    const asked: Asked[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        const one = {
          method: request.method!,
          url: request.url!,
          body,
          authorization: request.headers.authorization,
        };
        asked.push(one);
        const [status, json] = answer(one);
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return { realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, asked };
  }

  const request = (realm: string): { Host: string; Realm: string; Service: string; Scopes: string[] } => ({
    Host: 'reg',
    Realm: realm,
    Service: 'the registry',
    Scopes: ['repository:a:pull', 'repository:b:push'],
  });

  test('by OAuth with user name and password', async () => {
    const { realm, asked } = await tokenServer(() => [
      200,
      { access_token: 'T', expires_in: 300, issued_at: '2020-01-01T00:00:00Z' },
    ]);
    const { peer } = start({ reg: { username: 'me', secret: 'p&w' } });
    expect(await peer.unary(methods.FetchToken, request(realm))).toEqual({
      Token: 'T',
      ExpiresIn: 300n,
      IssuedAt: 1_577_836_800n,
    });
    expect(asked.map(({ method }) => method)).toEqual(['POST']);
    expect(Object.fromEntries(new URLSearchParams(asked.at(0)!.body))).toEqual({
      scope: 'repository:a:pull repository:b:push',
      service: 'the registry',
      client_id: 'buildkit-client',
      grant_type: 'password',
      username: 'me',
      password: 'p&w',
    });
  });

  test('by OAuth with an identity token', async () => {
    const { realm, asked } = await tokenServer(() => [200, { access_token: 'T' }]);
    const { peer } = start({ reg: { username: '', secret: 'identity' } });
    expect((await peer.unary(methods.FetchToken, request(realm))).ExpiresIn).toBe(60n);
    expect(new URLSearchParams(asked.at(0)!.body).get('refresh_token')).toBe('identity');
  });

  test.each([400, 401, 404, 405])('the old way where OAuth is answered with %i', async (status) => {
    const { realm, asked } = await tokenServer(({ method }) =>
      method === 'POST' ? [status, {}] : [200, { token: 'T' }],
    );
    const { peer } = start({ reg: { username: 'me', secret: 'pw' } });
    expect((await peer.unary(methods.FetchToken, request(realm))).Token).toBe('T');
    expect(asked[1]).toMatchObject({
      method: 'GET',
      url: '/token?service=the+registry&scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apush',
      authorization: `Basic ${Buffer.from('me:pw').toString('base64')}`,
    });
  });

  test('anonymously without credentials', async () => {
    const { realm, asked } = await tokenServer(() => [200, { token: 'T' }]);
    const { peer } = start({});
    expect((await peer.unary(methods.FetchToken, request(realm))).Token).toBe('T');
    expect(asked).toMatchObject([{ method: 'GET', authorization: undefined }]);
  });

  test.each<[string, (asked: Asked) => [number, unknown]]>([
    ['a refusal', () => [403, {}]],
    ['an answer without a token', () => [200, { hello: 1 }]],
  ])('or not, on %s', async (_, answer) => {
    const { realm } = await tokenServer(answer);
    const { peer, failures } = start({});
    await expect(peer.unary(methods.FetchToken, request(realm))).rejects.toMatchObject({ code: 16 });
    expect(failures).toMatchObject([{ code: 'SESSION_TOKEN_REFUSED', details: { host: 'reg', realm } }]);
  });

  test('not from what is no web address', async () => {
    const { peer } = start({});
    await expect(peer.unary(methods.FetchToken, request('file:///etc/passwd'))).rejects.toMatchObject({
      code: 16,
    });
  });
});
