import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type BuildOptions, type Client } from '@melange2/buildkit-client';
import { marshal, ociLayout, type Definition, type State } from '@melange2/llb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { busyboxState, sh } from '../harness/busybox.ts';
import { lacks, noteLack } from '../harness/lacks.ts';

const addresses = Object.entries(inject('daemons'));
const definitionOf = (state: State): Definition => marshal(state, { platform: 'linux/amd64' });
const salt = randomUUID();

async function failure(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (cause) {
    return cause as Error;
  }
  throw new Error('It succeeded.');
}

function list(tar: string): string[] {
  return execFileSync('tar', ['--numeric-owner', '-tvf', tar], { encoding: 'utf8' })
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^(\S+) (\S+) .*\d\d:\d\d (.*)$/, '$1 $2 $3'));
}

describe.skipIf(addresses.length === 0).each(addresses)('exports of BuildKit %s', (age, address) => {
  let client: Client;
  let base: State;
  let dir: string;
  let made: State;
  const modern = age !== '0.8';
  const at = (name: string): string => join(dir, name);
  const build = (exports: BuildOptions['exports'], more: BuildOptions = {}): ReturnType<Client['build']> =>
    client.build({ definition: definitionOf(made), exports: exports!, ...more });

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'm2-exports-'));
    client = await connect(address);
    base = await busyboxState();
    made = base
      .run({
        args: sh(
          `cd /out && mkdir d && echo ${salt} > d/f && chown 5:6 d/f && chmod 4751 d/f && ln d/f d/hard && ln -s f d/link`,
        ),
        network: 'none',
        customName: 'make',
        mounts: [{ kind: 'bind', dest: '/out' }],
      })
      .mount('/out');
  });
  afterAll(() => {
    client?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test('FileSend: a tar stream has owners, modes and links', async () => {
    await build([{ kind: 'tar', file: at('out.tar') }]);
    expect(list(at('out.tar')).filter((line) => line.includes('d/'))).toEqual([
      'drwxr-xr-x 0/0 d/',
      '-rwsr-x--x 5/6 d/f',
      'hrwsr-x--x 5/6 d/hard link to d/f',
      'lrwxrwxrwx 0/0 d/link -> f',
    ]);
  });

  test('a function may take the tar stream, and its failure is the build’s', async () => {
    let bytes = 0;
    await build([
      {
        kind: 'tar',
        output: async (stream) => {
          for await (const chunk of stream) bytes += (chunk as Buffer).length;
        },
      },
    ]);
    expect(bytes).toBe(statSync(at('out.tar')).size);
    const error = await failure(
      build([{ kind: 'tar', output: () => Promise.reject(new Error('no room for it')) }]),
    );
    expect(error.message).toBe('no room for it');
  });

  test('FileSend: a folder gets the files', async () => {
    await build([{ kind: 'local', dir: at('local') }]);
    expect(readFileSync(at('local/d/f'), 'utf8')).toBe(`${salt}\n`);
    expect(readdirSync(at('local/d'))).toEqual(['f', 'hard', 'link']);
  });

  test('several exports of one build all arrive', async () => {
    await build([
      { kind: 'tar', file: at('both.tar') },
      { kind: 'local', dir: at('both') },
    ]);
    expect([existsSync(at('both.tar')), existsSync(at('both/d/f'))]).toEqual([true, true]);
  });

  test('nothing is left of a file whose build failed', async () => {
    const bad = made.run({ args: sh('exit 1'), network: 'none' }).root;
    await failure(
      client.build({ definition: definitionOf(bad), exports: [{ kind: 'tar', file: at('never.tar') }] }),
    );
    expect(readdirSync(dir).filter((name) => name.includes('never'))).toEqual([]);
  });

  test('images as archives: docker and OCI', async ({ task }) => {
    if (!modern) {
      await expect(build([{ kind: 'docker', file: at('none.tar') }])).rejects.toThrow(
        'exporter "docker" could not be found',
      );
      noteLack(task, 'exporter docker');
      return;
    }
    const config = JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Env: ['A=b'] } });
    for (const kind of ['docker', 'oci'] as const) {
      const { exporterResponse } = await build([
        { kind, file: at(`${kind}.tar`), attrs: { name: 'x/y:z', 'containerimage.config': config } },
      ]);
      expect(exporterResponse.get('containerimage.digest')).toMatch(/^sha256:/);
      expect(
        list(at(`${kind}.tar`)).some((line) =>
          line.endsWith(kind === 'docker' ? 'manifest.json' : 'index.json'),
        ),
      ).toBe(true);
    }
  });

  test('Content: an image as a layout in a folder, which is then a source', async ({ task }) => {
    if (!modern) {
      await expect(build([{ kind: 'oci', layoutDir: at('none') }])).rejects.toThrow(
        'exporter "oci" could not be found',
      );
      noteLack(task, 'exporter oci');
      return;
    }
    const { exporterResponse } = await build([
      { kind: 'oci', layoutDir: at('layout'), attrs: { name: 'made' } },
    ]);
    const digest = exporterResponse.get('containerimage.digest')!;
    const index = JSON.parse(readFileSync(at('layout/index.json'), 'utf8')) as {
      manifests: { digest: string }[];
    };
    expect(index.manifests.map((manifest) => manifest.digest)).toEqual([digest]);
    const again = ociLayout(`m2/made@${digest}`, { storeId: 'layouts' });
    await client.build({
      definition: definitionOf(again),
      session: { contentStores: { 'oci:layouts': { kind: 'dir', dir: at('layout') } } },
      exports: [{ kind: 'local', dir: at('again') }],
    });
    expect(readFileSync(at('again/d/f'), 'utf8')).toBe(`${salt}\n`);
  });

  test('an image into the daemon’s own store', async ({ task }) => {
    if (!modern) {
      await expect(build([{ kind: 'image', attrs: { name: 'none' } }])).rejects.toThrow(
        'exporter "image" could not be found',
      );
      noteLack(task, 'exporter image');
      return;
    }
    const { exporterResponse } = await build([{ kind: 'image', attrs: { name: `m2-e2e/${salt}` } }]);
    expect(exporterResponse.get('containerimage.digest')).toMatch(/^sha256:/);
  });

  test('Content: a cache in a folder, and steps from it when the daemon has lost them', async ({ task }) => {
    if (!modern) {
      const cacheExports = [{ type: 'local', attrs: { dest: at('cache') } }];
      await expect(build([], { cacheExports })).rejects.toThrow('unknown cache exporter');
      noteLack(task, 'cache local');
      return;
    }
    const cached = base.run({
      args: sh(`echo ${randomUUID()}; sleep 0.1`),
      network: 'none',
      customName: 'cached step',
    }).root;
    const definition = definitionOf(cached);
    await client.build({
      definition,
      cacheExports: [{ type: 'local', attrs: { dest: at('cache'), mode: 'max' } }],
    });
    expect(existsSync(at('cache/index.json'))).toBe(true);
    const ids = (await client.diskUsage()).filter(
      ({ description }) => description.includes('cached step') || description.includes('sleep 0.1'),
    );
    for await (const _ of client.prune({ all: true, filter: ids.map(({ id }) => `id==${id}`) }));
    let wasCached = false;
    let vertex = '';
    await client.build({
      definition,
      cacheImports: [{ type: 'local', attrs: { src: at('cache') } }],
      exports: [{ kind: 'tar', file: at('from-cache.tar') }],
      onEvent: (event) => {
        if (event.type === 'vertexAdded' && event.name === 'cached step') ({ vertex } = event);
        if (event.type === 'vertexCompleted' && event.vertex === vertex) wasCached = event.cached;
      },
    });
    expect(wasCached).toBe(true);
  });

  test('a local cache that is empty is no failure', async () => {
    await build([], { cacheImports: [{ type: 'local', attrs: { src: at('no-such-cache') } }] });
  });

  test('a source policy decides about sources', async ({ task }) => {
    const { http } = await import('@melange2/llb');
    const refused = await lacks(task, client, age, 'source.policy');
    const error = await failure(
      client.build({
        definition: definitionOf(http('http://127.0.0.1:1/denied')),
        sourcePolicy: {
          version: 1,
          rules: [{ action: 1, selector: { identifier: 'http://127.0.0.1:1/denied' } }],
        },
      }),
    );
    if (refused) expect(error).toMatchObject({ code: 'BUILDKIT_CAPABILITY_MISSING' });
    else expect(error.message).toMatch(/denied by policy|source .* denied/);
  });

  test('secrets reach a step as files', async () => {
    const step = base.run({
      args: sh('cat /run/secrets/token > /token'),
      network: 'none',
      secrets: [{ id: 'token', dest: '/run/secrets/token' }],
      ignoreCache: true,
    }).root;
    await client.build({
      definition: definitionOf(step),
      session: { secrets: { token: `secret ${salt}` } },
      exports: [{ kind: 'local', dir: at('secret') }],
    });
    expect(readFileSync(at('secret/token'), 'utf8')).toBe(`secret ${salt}`);
  });
});
