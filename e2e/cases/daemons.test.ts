import { connect } from '@melange2/buildkit-client';
import { pingDockerEngine } from '@melange2/daemon';
import { describe, expect, inject, test } from 'vitest';

const daemons = Object.entries(inject('daemons'));

describe.skipIf(daemons.length === 0)('daemons of each age', () => {
  test.each(daemons)('BuildKit %s answers', async (age, address) => {
    if (address.startsWith('docker+unix://')) {
      const socket = { kind: 'unix', path: address.slice('docker+unix://'.length) } as const;
      expect((await pingDockerEngine(socket)).server).toMatch(/^Docker\//);
      return;
    }
    const client = await connect(address);
    try {
      await client.health();
      const version = (await client.info())?.version;
      if (/^\d/.test(age)) expect(version).toMatch(`v${age}.`);
    } finally {
      client.close();
    }
  });
});
