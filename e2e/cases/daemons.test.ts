import { pingDockerEngine } from '@melange2/daemon';
import { describe, expect, inject, test } from 'vitest';

const docker = Object.entries(inject('daemons')).filter(([, address]) =>
  address.startsWith('docker+unix://'),
);

describe.skipIf(docker.length === 0)('daemons of each age', () => {
  test.each(docker)('BuildKit %s answers', async (_, address) => {
    const socket = { kind: 'unix', path: address.slice('docker+unix://'.length) } as const;
    expect((await pingDockerEngine(socket)).server).toMatch(/^Docker\//);
  });
});
