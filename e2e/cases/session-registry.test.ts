import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, dockerConfigAuth, type Client, type RegistryAuth } from '@melange2/buildkit-client';
import { image, marshal, type Definition, type State } from '@melange2/llb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { busyboxState, sh } from '../harness/busybox.ts';
import { noteLack } from '../harness/lacks.ts';
import { startRegistry, type TestRegistry } from '../harness/registry.ts';

const addresses = Object.entries(inject('daemons'));

/** Docker engines of BuildKit 0.8 export no images. */
const noImages = 'exporter "image" could not be found';

describe.skipIf(addresses.length === 0).each(addresses)(
  'registries, Auth with BuildKit %s',
  (age, address) => {
    let client: Client;
    let made: State;
    let dir: string;
    const salt = randomUUID();
    const definitionOf = (state: State): Definition => marshal(state, { platform: 'linux/amd64' });

    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'm2-registry-case-'));
      client = await connect(address);
      made = (await busyboxState()).run({ args: sh(`echo ${salt} >/salt`), network: 'none' }).root;
    });
    afterAll(() => {
      client?.close();
      rmSync(dir, { recursive: true, force: true });
    });

    const push = async (name: string, auth: RegistryAuth): Promise<unknown> =>
      await client.build({
        definition: definitionOf(made),
        session: { auth },
        exports: [{ kind: 'image', attrs: { name, push: 'true', 'registry.insecure': 'true' } }],
      });

    describe.each(['basic', 'token'] as const)('that ask for %s authentication', (kind) => {
      let registry: TestRegistry;
      beforeAll(async () => {
        registry = await startRegistry(kind);
      });
      afterAll(async () => await registry?.stop());

      test('are pushed to and pulled from with the account of Docker’s configuration', async ({ task }) => {
        if (age === '0.8') {
          await expect(push(`${registry.host}/made:${salt}`, dockerConfigAuth(dir))).rejects.toThrow(
            noImages,
          );
          noteLack(task, 'exporter image');
          return;
        }
        const auth = Buffer.from(`${registry.username}:${registry.password}`).toString('base64');
        writeFileSync(join(dir, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
        const name = `${registry.host}/made:${salt}`;
        await push(name, dockerConfigAuth(dir));
        let answer = '';
        await client.build({
          definition: definitionOf(image(name, { resolveMode: 'pull' })),
          session: { auth: dockerConfigAuth(dir) },
          exports: [
            {
              kind: 'tar',
              output: async (stream) => {
                answer = await text(stream);
              },
            },
          ],
        });
        expect(answer).toContain(salt);
        if (kind === 'token')
          expect(registry.tokenRequests).toContain(
            `POST password ${registry.username} repository:made:pull,push`,
          );
      });

      test('refuse another account', async ({ task }) => {
        const credentials = (): Promise<{ username: string; secret: string }> =>
          Promise.resolve({ username: registry.username, secret: 'wrong' });
        const refused = push(`${registry.host}/refused:${salt}`, { credentials });
        if (age === '0.8') {
          await expect(refused).rejects.toThrow(noImages);
          noteLack(task, 'exporter image');
          return;
        }
        await expect(refused).rejects.toThrow(/authoriz|401|insufficient|denied|gave no token/i);
      });
    });
  },
);
