import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findDaemon } from './find-daemon.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'm2-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test('a daemon that BUILDKIT_HOST names is the only one that is tried', async () => {
  const variables = { BUILDKIT_HOST: `unix://${home}/none.sock` };
  await expect(findDaemon({ environment: { variables, home } })).rejects.toMatchObject({
    code: 'DAEMON_NOT_FOUND',
    details: {
      attempts: [
        {
          address: `unix://${home}/none.sock`,
          origin: 'BUILDKIT_HOST',
          failure: 'there is no such socket',
        },
      ],
    },
  });
});

test('an address that is given goes before BUILDKIT_HOST', async () => {
  const variables = { BUILDKIT_HOST: 'unix:///other.sock' };
  await expect(
    findDaemon({ address: `unix://${home}/none.sock`, environment: { variables, home } }),
  ).rejects.toMatchObject({ details: { attempts: [{ origin: 'named by the user' }] } });
});

test('a socket behind which something else listens is reported, and the search ends in time', async () => {
  const path = join(home, 'other.sock');
  const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')).listen(path);
  try {
    const variables = { BUILDKIT_HOST: `unix://${path}` };
    await expect(findDaemon({ environment: { variables, home }, timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'DAEMON_NOT_FOUND',
    });
  } finally {
    server.close();
  }
});

test('a daemon that keeps silent is given up', async () => {
  const path = join(home, 'silent.sock');
  const server = createServer(() => undefined).listen(path);
  try {
    const variables = { BUILDKIT_HOST: `unix://${path}` };
    await expect(findDaemon({ environment: { variables, home }, timeoutMs: 300 })).rejects.toMatchObject({
      code: 'DAEMON_NOT_FOUND',
    });
  } finally {
    server.close();
  }
});
