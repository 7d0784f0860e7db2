import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { tarHeader, writeTar } from '@melange2/apk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { imageArchive, ociImage, writeLayer } from './index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'melange2-exporters-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const tar = (): AsyncIterable<Uint8Array> =>
  writeTar([{ header: tarHeader({ name: 'etc/hello', size: 3 }), content: Buffer.from('hi\n') }]);

test('an archive is an OCI layout and a docker archive, with digests that hold', async () => {
  const layer = await writeLayer(tar(), folder, new AbortController().signal);
  const config = { env: { B: '2', A: '1' }, workingDir: '/home/build', user: '1000:1000' };
  const image = ociImage(layer, config, { os: 'linux', architecture: 'amd64' });
  const archive = join(folder, 'image.tar');
  const chunks: Uint8Array[] = [];
  for await (const chunk of imageArchive(image, layer, 'localhost:5000/x/y:dev')) chunks.push(chunk);
  writeFileSync(archive, Buffer.concat(chunks));
  const read = (path: string): Buffer => execFileSync('tar', ['xOf', archive, path]);
  const index = JSON.parse(read('index.json').toString()) as { manifests: { digest: string }[] };
  const blob = (digest: string): Buffer => {
    const bytes = read(`blobs/${digest.replace(':', '/')}`);
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(digest);
    return bytes;
  };
  const manifest = JSON.parse(blob(index.manifests.at(0)?.digest ?? '').toString()) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  const document = JSON.parse(blob(manifest.config.digest).toString()) as {
    config: { Env: string[] };
    rootfs: { diff_ids: string[] };
  };
  expect(document.config.Env).toEqual(['A=1', 'B=2']);
  const unpacked = execFileSync('gzip', ['-dc'], { input: blob(manifest.layers.at(0)?.digest ?? '') });
  expect(`sha256:${createHash('sha256').update(unpacked).digest('hex')}`).toBe(document.rootfs.diff_ids[0]);
  const [docker] = JSON.parse(read('manifest.json').toString()) as [{ RepoTags: string[]; Layers: string[] }];
  expect(docker.RepoTags).toEqual(['localhost:5000/x/y:dev']);
});

test.each([
  ['tool', 'docker.io/library/tool:latest'],
  ['me/tool:1', 'docker.io/me/tool:1'],
  ['localhost:5000/x/y:dev', 'localhost:5000/x/y:dev'],
  ['ghcr.io/me/tool', 'ghcr.io/me/tool:latest'],
])('engines that keep images in containerd find %s by its whole name', async (name, whole) => {
  const layer = await writeLayer(tar(), folder, new AbortController().signal);
  const config = { env: {}, workingDir: '/', user: '0:0' };
  const image = ociImage(layer, config, { os: 'linux', architecture: 'amd64' });
  const chunks: Uint8Array[] = [];
  for await (const chunk of imageArchive(image, layer, name)) chunks.push(chunk);
  const index = execFileSync('tar', ['-xO', 'index.json'], {
    input: Buffer.concat(chunks),
    encoding: 'utf8',
  });
  expect(JSON.parse(index)).toMatchObject({
    manifests: [{ annotations: { 'io.containerd.image.name': whole } }],
  });
});

test('a layer that fails leaves no file behind', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x');
    throw new Error('reset');
  }
  await expect(writeLayer(broken(), folder, new AbortController().signal)).rejects.toThrow('reset');
  expect(execFileSync('ls', [folder]).toString()).toBe('');
});
