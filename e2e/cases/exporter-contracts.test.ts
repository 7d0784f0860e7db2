import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { exporterDocker } from '@melange2/exporter-docker';
import { exporterRegistry } from '@melange2/exporter-registry';
import { exporterContract } from '@melange2/plugin-api/testing';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startRegistry, type TestRegistry } from '../harness/registry.ts';

const engines = Object.entries(inject('daemons')).filter(([, address]) =>
  address.startsWith('docker+unix://'),
);

/** The text of `etc/sample` in a layer, compressed or not. */
function sampleOf(layer: Buffer): string {
  const tar = layer[0] === 0x1f ? gunzipSync(layer) : layer;
  return execFileSync('tar', ['-xO', 'etc/sample'], { input: tar, encoding: 'utf8' });
}

function get(socketPath: string, path: string): Promise<Buffer> {
  return new Promise((done, failed) => {
    request({ socketPath, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => done(Buffer.concat(chunks))).on('error', failed);
    })
      .on('error', failed)
      .end();
  });
}

describe.each(engines)('exporter-docker, with the engine of BuildKit %s', (_, address) => {
  const socket = address.slice('docker+unix://'.length);
  const contract = exporterContract({
    make: () => exporterDocker({ socket }),
    npmName: '@melange2/exporter-docker',
    kind: 'docker',
    target: () => ({ ref: 'contract/sample:1', attributes: {} }),
    verify: async ({ ref }) => {
      const archive = await get(socket, `/images/get?names=${encodeURIComponent(ref)}`);
      const read = (path: string): Buffer => execFileSync('tar', ['-xO', path], { input: archive });
      const [image] = JSON.parse(read('manifest.json').toString()) as [{ Layers: [string]; Config: string }];
      expect(sampleOf(read(image.Layers[0]))).toBe('sample');
      expect(JSON.parse(read(image.Config).toString())).toMatchObject({
        config: { Env: ['SAMPLE=yes'], WorkingDir: '/etc', User: '0:0' },
      });
    },
  });
  for (const { name, run } of contract) test(name, run);
});

describe('exporter-registry, with a registry that wants a password', () => {
  let registry: TestRegistry;
  let config: string;
  beforeAll(async () => {
    registry = await startRegistry();
    config = mkdtempSync(join(tmpdir(), 'docker-config-'));
    const auth = Buffer.from(`${registry.username}:${registry.password}`).toString('base64');
    writeFileSync(join(config, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  });
  afterAll(async () => {
    await registry.stop();
    rmSync(config, { recursive: true, force: true });
  });
  const contract = exporterContract({
    make: exporterRegistry,
    npmName: '@melange2/exporter-registry',
    kind: 'registry',
    target: () => ({ ref: `${registry.host}/contract/sample:1`, attributes: {} }),
    env: {
      get DOCKER_CONFIG() {
        return config;
      },
    },
    verify: async () => {
      const authorization = `Basic ${Buffer.from(`${registry.username}:${registry.password}`).toString('base64')}`;
      const read = async (path: string): Promise<Buffer> => {
        const accept = 'application/vnd.oci.image.manifest.v1+json';
        const url = `http://${registry.host}/v2/contract/sample/${path}`;
        const response = await fetch(url, { headers: { authorization, accept } });
        return Buffer.from(await response.arrayBuffer());
      };
      const manifest = JSON.parse((await read('manifests/1')).toString()) as { layers: [{ digest: string }] };
      expect(sampleOf(await read(`blobs/${manifest.layers[0].digest}`))).toBe('sample');
    },
    refused: [
      { when: 'the name is none', ref: 'Bad/Name', code: 'EXPORT_TARGET_INVALID' },
      {
        when: 'its time is no number',
        ref: 'localhost:1/sample',
        attributes: { timeout: 'soon' },
        code: 'EXPORT_TARGET_INVALID',
      },
      { when: 'no registry answers', ref: '127.0.0.1:1/sample', code: 'EXPORT_REGISTRY_UNAVAILABLE' },
    ],
  });
  for (const { name, run } of contract) test(name, run);
});
