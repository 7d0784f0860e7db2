import { execFileSync } from 'node:child_process';
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** A token server of a registry, with the certificate that the registry has to trust. */
export interface TokenServer {
  readonly realm: string;
  readonly certificate: string;
  /** What it was asked, one line each: method, way, account and scope. */
  readonly requests: readonly string[];
  readonly stop: () => void;
}

/** Starts a token server on loopback that knows one account. Its files are put into `dir`. */
export async function startTokenServer(
  dir: string,
  account: { readonly username: string; readonly password: string },
): Promise<TokenServer> {
  const files = { key: join(dir, 'key.pem'), cert: join(dir, 'cert.pem') };
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=test',
      '-keyout',
      files.key,
      '-out',
      files.cert,
    ],
    { stdio: 'ignore' },
  );
  const key = createPrivateKey(await readFile(files.key));
  const x5c = [new X509Certificate(await readFile(files.cert)).raw.toString('base64')];
  const requests: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      const form = new URLSearchParams(await text(request));
      const basic = Buffer.from(
        (request.headers.authorization ?? '').replace(/^Basic /, ''),
        'base64',
      ).toString();
      const given = request.method === 'POST' ? `${form.get('username')}:${form.get('password')}` : basic;
      const scopes =
        request.method === 'POST' ? (form.get('scope') ?? '').split(' ') : url.searchParams.getAll('scope');
      requests.push(
        `${request.method} ${form.get('grant_type') ?? 'basic'} ${given.split(':')[0]} ${scopes.join(' ')}`,
      );
      if (given !== `${account.username}:${account.password}`) {
        response.writeHead(403).end('{}');
        return;
      }
      const now = Math.floor(Date.now() / 1000);
      const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const access = scopes.filter(Boolean).map((scope) => {
        const [type, name, actions = ''] = scope.split(':');
        return { type, name, actions: actions.split(',') };
      });
      const claims = {
        iss: 'test-issuer',
        sub: account.username,
        aud: 'test-registry',
        exp: now + 300,
        nbf: now - 5,
        iat: now,
        jti: `${now}`,
        access,
      };
      const signed = `${part({ typ: 'JWT', alg: 'RS256', x5c })}.${part(claims)}`;
      const token = `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ access_token: token, token, expires_in: 300 }));
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    certificate: files.cert,
    requests,
    stop,
  };
}
