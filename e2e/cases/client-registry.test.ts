import { randomUUID } from 'node:crypto';
import {
  connect,
  isSolveError,
  type Attachables,
  type Client,
  type ExportTarget,
} from '@melange2/buildkit-client';
import { image, marshal, type Definition, type State } from '@melange2/llb';
import { afterAll, beforeAll, describe, expect, inject, test, type TestContext } from 'vitest';
import { busyboxState, sh } from '../harness/busybox.ts';
import { noteLack } from '../harness/lacks.ts';
import { startRegistry, type TestRegistry } from '../harness/registry.ts';

const addresses = Object.entries(inject('daemons'));
const definitionOf = (state: State): Definition => marshal(state, { platform: 'linux/amd64' });

describe.skipIf(addresses.length === 0).each(addresses)('a registry and BuildKit %s', (age, address) => {
  let registry: TestRegistry;
  let client: Client;
  let base: State;
  let session: Pick<Attachables, 'auth'>;
  let asked: string[];

  beforeAll(async () => {
    registry = await startRegistry();
    client = await connect(address);
    base = await busyboxState();
    asked = [];
    session = {
      auth: {
        credentials: (host) => {
          asked.push(host);
          const { username, password } = registry;
          return Promise.resolve(host === registry.host ? { username, secret: password } : undefined);
        },
      },
    };
  });
  afterAll(async () => {
    client?.close();
    await registry?.stop();
  });

  /** Docker engines of that age know neither images as exports nor caches outside. */
  async function lacksImages(task: TestContext['task']): Promise<boolean> {
    if (age !== '0.8') return false;
    const exports: ExportTarget[] = [{ kind: 'image', attrs: { name: 'none' } }];
    await expect(client.build({ definition: definitionOf(base), exports })).rejects.toThrow(
      'exporter "image" could not be found',
    );
    noteLack(task, 'exporter image');
    return true;
  }

  async function lacksCaches(task: TestContext['task']): Promise<boolean> {
    if (age !== '0.8') return false;
    const cacheExports = [{ type: 'registry', attrs: { ref: `${registry.host}/none` } }];
    await expect(client.build({ definition: definitionOf(base), cacheExports })).rejects.toThrow(
      'unknown cache exporter',
    );
    noteLack(task, 'cache registry');
    return true;
  }

  test('ResolveImageConfig, ResolveSourceMeta: an image is pushed, its configuration looked up, and built on', async ({
    task,
  }) => {
    if (await lacksImages(task)) return;
    const salt = randomUUID();
    const name = `${registry.host}/test/${salt}:1`;
    const made = base.run({ args: sh(`echo ${salt} > /made`), network: 'none' }).root;
    const config = JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Env: [`SALT=${salt}`] } });
    const { exporterResponse } = await client.build({
      definition: definitionOf(made),
      session,
      exports: [
        {
          kind: 'image',
          attrs: { name, push: 'true', 'registry.insecure': 'true', 'containerimage.config': config },
        },
      ],
    });
    const digest = exporterResponse.get('containerimage.digest');
    expect(digest).toMatch(/^sha256:/);
    expect(asked).toContain(registry.host);

    await client.build({
      session,
      async run(gateway) {
        const found = await gateway.resolveImageConfig(name, { resolveMode: 'pull' });
        expect(found.digest).toBe(digest);
        expect(JSON.parse(Buffer.from(found.config).toString())).toMatchObject({
          config: { Env: [`SALT=${salt}`] },
        });
        const meta = await gateway.resolveSource({ Source: { identifier: `docker-image://${name}` } });
        expect(meta.Image?.Digest ?? meta.Source?.identifier).toContain(digest);
        const { ref } = await gateway.solve({ definition: definitionOf(image(`${name}@${digest}`)) });
        expect(Buffer.from(await ref!.readFile('/made')).toString()).toBe(`${salt}\n`);
        return undefined;
      },
    });
  });

  test('without credentials the push is refused, and nothing of them is in the message', async ({ task }) => {
    if (await lacksImages(task)) return;
    const name = `${registry.host}/test/refused:1`;
    const error = await client
      .build({
        definition: definitionOf(base),
        session: {
          auth: { credentials: () => Promise.resolve({ username: 'user', secret: 'wrong-secret' }) },
        },
        exports: [{ kind: 'image', attrs: { name, push: 'true', 'registry.insecure': 'true' } }],
      })
      .then(
        () => undefined,
        (cause: unknown) => cause,
      );
    expect(isSolveError(error)).toBe(true);
    expect((error as Error).message).toMatch(/authoriz|401|insufficient|denied/i);
    expect((error as Error).message).not.toContain('wrong-secret');
  });

  test('a cache is kept in the registry and used when the daemon has lost its own', async ({ task }) => {
    if (await lacksCaches(task)) return;
    const ref = `${registry.host}/cache/${randomUUID()}`;
    const name = `step ${randomUUID()}`;
    const definition = definitionOf(
      base.run({ args: sh(`echo ${name}; sleep 0.1; echo made > /made`), network: 'none', customName: name })
        .root,
    );
    const attrs = { ref, 'registry.insecure': 'true' };
    await client.build({
      definition,
      session,
      cacheExports: [{ type: 'registry', attrs: { ...attrs, mode: 'max' } }],
    });
    const mine = (await client.diskUsage()).filter(({ description }) => description.includes(name));
    expect(mine.length).toBeGreaterThan(0);
    for await (const _record of client.prune({ all: true, filter: mine.map(({ id }) => `id==${id}`) }));
    let vertex = '';
    let cached = false;
    await client.build({
      definition,
      session,
      cacheImports: [{ type: 'registry', attrs }],
      onEvent: (event) => {
        if (event.type === 'vertexAdded' && event.name === name) ({ vertex } = event);
        if (event.type === 'vertexCompleted' && event.vertex === vertex) ({ cached } = event);
      },
    });
    expect(cached).toBe(true);
  });

  test('a cache that cannot be had is told as a failed vertex, and the build goes on', async () => {
    const failures: string[] = [];
    await client.build({
      definition: definitionOf(base.run({ args: sh(`echo ${randomUUID()}`), network: 'none' }).root),
      session,
      cacheImports: [
        { type: 'registry', attrs: { ref: `${registry.host}/no/such`, 'registry.insecure': 'true' } },
      ],
      onEvent: (event) => {
        if (event.type === 'vertexCompleted' && event.error !== undefined) failures.push(event.error);
      },
    });
    expect(failures.join()).toMatch(/not found|404/);
  });
});
