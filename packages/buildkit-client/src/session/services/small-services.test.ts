import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode, exporter, health, policysession, secrets, ssh, upload, type Init } from '@melange2/proto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sshBytes, SshReader } from '../ssh/ssh-wire.ts';
import { testSession, type PeerCall, type TestSession } from '../testing/fake-peer.ts';

let dir: string;
let session: TestSession | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'services-'));
});

afterEach(async () => {
  await session?.close();
  session = undefined;
  rmSync(dir, { recursive: true, force: true });
});

test('the session says that it is healthy, and refuses what it does not offer', async () => {
  session = testSession({});
  expect((await session.peer.unary(health.Health.methods.Check, {})).status).toBe(1);
  await expect(session.peer.unary(secrets.Secrets.methods.GetSecret, { ID: 'x' })).rejects.toMatchObject({
    code: 12,
  });
});

test('answers bear no date, for which Node would load its tables of time zones', async () => {
  session = testSession({});
  const stream = session.peer.http2.request({ ':method': 'POST', ':path': health.Health.methods.Check.path });
  const headers = await new Promise<object>((resolve) => stream.once('response', resolve));
  stream.close();
  expect(headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc' });
  expect(headers).not.toHaveProperty('date');
});

describe('secrets', () => {
  const { GetSecret } = secrets.Secrets.methods;

  test('come from a list, and are not found where there are none', async () => {
    session = testSession({ secrets: { text: 'ä', bytes: Buffer.from([0, 255]) } });
    expect(Buffer.from((await session.peer.unary(GetSecret, { ID: 'text' })).data).toString()).toBe('ä');
    expect([...(await session.peer.unary(GetSecret, { ID: 'bytes' })).data]).toEqual([0, 255]);
    await expect(session.peer.unary(GetSecret, { ID: 'toString' })).rejects.toMatchObject({ code: 5 });
    expect(session.failures).toEqual([]);
  });

  test('are asked of the host; too large ones are refused', async () => {
    session = testSession(
      { secrets: 'asked' },
      {
        secret: (id) =>
          Promise.resolve(id === 'none' ? undefined : Buffer.alloc(id === 'large' ? 600_000 : 3, 'x')),
      },
    );
    expect((await session.peer.unary(GetSecret, { ID: 'small' })).data.length).toBe(3);
    await expect(session.peer.unary(GetSecret, { ID: 'none' })).rejects.toMatchObject({ code: 5 });
    await expect(session.peer.unary(GetSecret, { ID: 'large' })).rejects.toMatchObject({ code: 2 });
    expect(session.failures).toMatchObject([{ code: 'SESSION_SECRET_TOO_LARGE' }]);
  });
});

describe('an SSH agent', () => {
  const { methods } = ssh.SSH;
  const message = (data: Uint8Array): Uint8Array => encode(ssh.BytesMessage, { data });

  async function ask(call: PeerCall, request: Buffer): Promise<Buffer> {
    call.send(message(sshBytes(request)));
    const answer = (await call.next())!;
    // Tag and a length of one or two bytes in front.
    const start = answer.readUInt8(1) >= 128 ? 3 : 2;
    return answer.subarray(start + 4);
  }

  test('that was not offered is refused by id', async () => {
    session = testSession({ ssh: { default: { socket: '/nowhere' } } });
    await session.peer.unary(methods.CheckAgent, {});
    await expect(session.peer.unary(methods.CheckAgent, { ID: 'other' })).rejects.toMatchObject({ code: 5 });
  });

  test('on a socket is spoken to', async () => {
    const path = join(dir, 'agent');
    const server = createServer((socket) => {
      socket.on('data', (bytes) => socket.write(Buffer.concat([Buffer.from('echo '), bytes])));
    });
    await new Promise<void>((resolve) => {
      server.listen(path, resolve);
    });
    session = testSession({ ssh: { mine: { socket: path } } });
    const call = session.peer.call(methods.ForwardAgent.path, { 'buildkit.ssh.id': 'mine' });
    call.send(message(Buffer.from('hello')));
    expect((await call.next())!.subarray(2).toString()).toBe('echo hello');
    call.end();
    expect((await call.status).code).toBe(0);
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  test('that is not there is an error', async () => {
    session = testSession({ ssh: { default: { socket: join(dir, 'none') } } });
    const call = session.peer.call(methods.ForwardAgent.path);
    expect((await call.status).code).toBe(2);
    expect(session.failures).toMatchObject([{ code: 'SESSION_SSH_AGENT_UNREACHABLE' }]);
  });

  const ed25519 = generateKeyPairSync('ed25519');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = (key: typeof rsa.privateKey): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

  test('made of keys lists them and signs with them', async () => {
    session = testSession({
      ssh: { default: { keys: [pem(ed25519.privateKey), pem(rsa.privateKey), pem(ec.privateKey)] } },
    });
    const call = session.peer.call(methods.ForwardAgent.path);
    const list = await ask(call, Buffer.from([11]));
    expect(list[0]).toBe(12);
    const reader = new SshReader(list.subarray(1));
    expect(reader.uint32()).toBe(3);
    const blobs = Array.from({ length: 3 }, () => {
      const blob = reader.bytes();
      reader.text();
      return blob;
    });
    const data = Buffer.from('to be signed');
    const signWith = async (index: number, flags: number): Promise<{ name: string; signature: Buffer }> => {
      const flag = Buffer.alloc(4);
      flag.writeUInt32BE(flags);
      const answer = await ask(
        call,
        Buffer.concat([
          Buffer.from([13]),
          sshBytes(blobs.at(index) ?? Buffer.alloc(0)),
          sshBytes(data),
          flag,
        ]),
      );
      expect(answer[0]).toBe(14);
      const signed = new SshReader(new SshReader(answer.subarray(1)).bytes());
      return { name: signed.text(), signature: signed.bytes() };
    };
    const byEd = await signWith(0, 0);
    expect(byEd.name).toBe('ssh-ed25519');
    expect(verify(null, data, ed25519.publicKey, byEd.signature)).toBe(true);
    const byRsa = await signWith(1, 2);
    expect(byRsa.name).toBe('rsa-sha2-256');
    expect(verify('sha256', data, rsa.publicKey, byRsa.signature)).toBe(true);
    expect((await signWith(1, 4)).name).toBe('rsa-sha2-512');
    const byEc = await signWith(2, 0);
    const parts = new SshReader(byEc.signature);
    const half = (): Buffer => {
      const bytes = parts.bytes();
      return Buffer.concat([Buffer.alloc(32), bytes]).subarray(-32);
    };
    expect(
      verify(
        'sha256',
        data,
        { key: ec.publicKey, dsaEncoding: 'ieee-p1363' },
        Buffer.concat([half(), half()]),
      ),
    ).toBe(true);
    // It takes no keys (17) and signs with none that it does not have.
    expect([...(await ask(call, Buffer.from([17])))]).toEqual([5]);
    expect([
      ...(await ask(
        call,
        Buffer.concat([Buffer.from([13]), sshBytes(Buffer.from('x')), sshBytes(data), Buffer.alloc(4)]),
      )),
    ]).toEqual([5]);
    expect([...(await ask(call, Buffer.from([13, 0, 0, 0, 99])))]).toEqual([5]);
  });

  const hasKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;
  if (!hasKeygen) process.stderr.write('skipped: there is no ssh-keygen on this machine\n');

  test.runIf(hasKeygen).each(['ed25519', 'rsa', 'ecdsa'])(
    "takes OpenSSH's own form of %s keys",
    async (type) => {
      const file = join(dir, 'key');
      execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', file]);
      session = testSession({ ssh: { default: { keys: [readFileSync(file, 'utf8')] } } });
      const list = await ask(session.peer.call(methods.ForwardAgent.path), Buffer.from([11]));
      const reader = new SshReader(list.subarray(1));
      reader.uint32();
      expect(reader.bytes().toString('base64')).toBe(readFileSync(`${file}.pub`, 'utf8').split(' ')[1]);
    },
  );

  test.each([
    ['nonsense', 'hello', 'not a private key'],
    [
      'a public key',
      createPublicKey(ed25519.privateKey).export({ type: 'spki', format: 'pem' }).toString(),
      'not a private key',
    ],
    [
      'a passphrase',
      '-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----',
      'has a passphrase',
    ],
  ])('with %s instead of a key is an error', async (_, text, words) => {
    session = testSession({ ssh: { default: { keys: [text] } } });
    expect((await session.peer.call(methods.ForwardAgent.path).status).message).toContain(words);
    expect(session.failures).toMatchObject([{ code: 'SESSION_SSH_KEY_INVALID' }]);
  });
});

test('uploads are sent by id, in messages that every daemon takes', async () => {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('one');
    await Promise.resolve();
    yield Buffer.alloc(3 << 20);
  }
  session = testSession({ uploads: ['tarball'] }, { upload: () => Promise.resolve(source()) });
  const call = session.peer.call(upload.Upload.methods.Pull.path, {
    urlpath: '/tarball',
    urlhost: 'buildkit-session',
  });
  const sizes: number[] = [];
  for (;;) {
    const message = await call.next();
    if (message === undefined) break;
    sizes.push(message.length);
  }
  expect((await call.status).code).toBe(0);
  expect(sizes.length).toBe(4);
  expect(Math.max(...sizes)).toBeLessThan(1.1 * (1 << 20));
  expect((await session.peer.call(upload.Upload.methods.Pull.path, { urlpath: '/other' }).status).code).toBe(
    5,
  );
});

describe('the source policy', () => {
  const { CheckPolicy } = policysession.PolicyVerifier.methods;

  test('is asked with what the daemon knows, and its answers are passed on', async () => {
    const asked: unknown[] = [];
    session = testSession(
      { sourcePolicy: true },
      {
        checkPolicy: (request) => {
          asked.push(request);
          if (request.identifier.includes('deny'))
            return Promise.resolve({ action: 'deny', messages: ['not this one'] });
          if (request.identifier.includes('convert'))
            return Promise.resolve({ action: 'convert', identifier: 'docker-image://b' });
          return Promise.resolve(request.digest === undefined ? { action: 'resolve' } : { action: 'allow' });
        },
      },
    );
    const source = (identifier: string, digest = ''): Init<policysession.CheckPolicyRequest> => ({
      Platform: { OS: 'linux', Architecture: 'arm64', Variant: 'v8' },
      Source: { Source: { identifier, attrs: { a: 'b' } }, Image: { Digest: digest } },
    });
    const { peer } = session;
    expect((await peer.unary(CheckPolicy, source('docker-image://a'))).result?.kind).toBe('request');
    expect((await peer.unary(CheckPolicy, source('docker-image://a', 'sha256:1'))).result).toMatchObject({
      kind: 'decision',
      value: { action: 0 },
    });
    expect((await peer.unary(CheckPolicy, source('docker-image://deny'))).result).toMatchObject({
      value: { action: 1, denyMessages: [{ message: 'not this one' }] },
    });
    expect((await peer.unary(CheckPolicy, source('docker-image://convert'))).result).toMatchObject({
      value: { action: 2, update: { identifier: 'docker-image://b' } },
    });
    expect(asked[0]).toEqual({
      identifier: 'docker-image://a',
      attrs: { a: 'b' },
      platform: 'linux/arm64/v8',
      digest: undefined,
    });
  });
});

test('exporters are found and told of the end', async () => {
  const told: unknown[] = [];
  session = testSession(
    { sessionExporter: true },
    {
      findExporters: (metadata, refs) => {
        told.push([...metadata.keys()], refs);
        return Promise.resolve([{ type: 'image', attrs: { name: 'x' } }]);
      },
      finalizeExport: (response) => {
        told.push(response);
        return Promise.resolve();
      },
    },
  );
  const { FindExporters, FinalizeExport } = exporter.Exporter.methods;
  const { exporters } = await session.peer.unary(FindExporters, {
    metadata: { k: Buffer.from('v') },
    refs: ['r'],
  });
  expect(exporters).toMatchObject([{ Type: 'image' }]);
  expect(exporters.at(0)!.Attrs.get('name')).toBe('x');
  await session.peer.unary(FinalizeExport, { exporter_response: { digest: 'd' } });
  expect(told).toEqual([['k'], ['r'], { digest: 'd' }]);
});
