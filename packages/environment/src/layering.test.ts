import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readTar } from '@melange2/apk';
import { testKey, tinyRepository, type TinyFile, type TinyPackage } from '@melange2/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assemble, type Environment } from './assemble.ts';
import { lockEnvironment, type LockedEnvironment } from './lock.ts';
import type { Blob } from './oci-image.ts';
import { openTransport } from './transport.ts';

/** Path to what is there, as one line. */
type Tree = Map<string, string>;

/** A directory that an archive does not have itself gets the time of the moment. */
const folder = 'directory 755 0:0 now';

/** What an archive changes in a directory sets its time, too. */
function touch(tree: Tree, name: string): void {
  const slash = name.lastIndexOf('/');
  const parent = name.slice(0, slash);
  const known = tree.get(parent);
  if (slash !== -1 && known !== undefined) tree.set(parent, known.replace(/\S+$/, 'now'));
}

/** Puts an archive onto a tree, as a daemon applies a layer (with deletions) or unpacks an archive (without). */
async function apply(tree: Tree, bytes: Uint8Array, deletions: boolean): Promise<void> {
  const remove = (path: string): void => {
    for (const other of tree.keys()) if (other === path || other.startsWith(`${path}/`)) tree.delete(other);
  };
  const unpacked = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
  const directories: Tree = new Map();
  for await (const entry of readTar([unpacked])) {
    const { type, mode, uid, gid, linkName, mtime } = entry;
    const name = entry.name.replace(/\/+$/, '');
    const slash = name.lastIndexOf('/');
    if (deletions && name.slice(slash + 1).startsWith('.wh.')) {
      remove(`${name.slice(0, slash + 1)}${name.slice(slash + 5)}`);
      touch(tree, name);
      continue;
    }
    for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) {
      const parent = name.slice(0, at);
      expect(tree.get(parent)?.split(' ')[0] ?? 'directory', `${name} through ${parent}`).toBe('directory');
      if (!tree.has(parent)) {
        tree.set(parent, folder);
        touch(tree, parent);
      }
    }
    touch(tree, name);
    if (type === 'directory') {
      directories.set(name, `${type} ${mode.toString(8)} ${uid}:${gid} ${mtime}`);
      if (!tree.get(name)?.startsWith(type)) remove(name);
      tree.set(name, folder);
      continue;
    }
    if (type === 'hardLink') {
      const target = tree.get(linkName);
      expect(target, `${name} → ${linkName}`).toBeDefined();
      tree.set(name, target ?? '');
      continue;
    }
    const content =
      type === 'file'
        ? createHash('sha1')
            .update(await entry.bytes())
            .digest('hex')
        : linkName;
    remove(name);
    tree.set(name, `${type} ${mode.toString(8)} ${uid}:${gid} ${content}`.trim());
  }
  for (const [name, node] of directories) tree.set(name, node);
}

async function bytesOf(blob: Blob | undefined): Promise<Buffer> {
  if (blob?.kind === 'bytes') return Buffer.from(blob.bytes);
  if (blob === undefined) throw new Error('no such blob');
  const offset = blob.offset ?? 0;
  return (await readFile(blob.path)).subarray(offset, offset + blob.sizeBytes);
}

/** The root that a daemon makes of the images, one over the other. */
async function rootOf({ attachables }: Environment): Promise<Tree> {
  const blobs = attachables.contentStores?.['oci:environment']?.blobs ?? new Map<string, Blob>();
  const root: Tree = new Map();
  for (const blob of blobs.values()) {
    if (blob.kind !== 'bytes') continue;
    const manifest = JSON.parse(Buffer.from(blob.bytes).toString('utf8')) as {
      layers?: { digest: string }[];
    };
    const image: Tree = new Map();
    for (const { digest } of manifest.layers ?? [])
      await apply(image, await bytesOf(blobs.get(digest)), true);
    for (const [path, node] of image) {
      if (!(node.startsWith('directory') && root.get(path)?.startsWith('directory') === true)) {
        for (const other of root.keys()) if (other.startsWith(`${path}/`)) root.delete(other);
      }
      root.set(path, node);
    }
  }
  return root;
}

/** The root that a daemon makes by unpacking files in their order. */
async function unpackedRoot(locked: LockedEnvironment, { attachables }: Environment): Promise<Tree> {
  const { path = '' } = attachables.localDirs?.['environment'] ?? {};
  const root: Tree = new Map();
  for (const { name, version } of locked.packages) {
    const file = join(path, `${name}-${version}`);
    await apply(root, await readFile(`${file}.apk`).catch(() => readFile(`${file}.tar`)), false);
  }
  for (const name of root.keys()) if (name.startsWith('.')) root.delete(name);
  await apply(root, await readFile(join(path, 'overlay.tar')), false);
  return root;
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const place = fc.constantFrom(
  'bin/x',
  'bin/y',
  'usr/bin/y',
  'usr/bin/z',
  'sbin/s',
  'lib/l',
  'usr/lib/l',
  'etc/one',
  'etc/two/three',
  'etc/two/four',
  'opt/p/q/r',
  'var/tmp/t',
);
const file: fc.Arbitrary<TinyFile> = fc.record({
  content: fc.constantFrom('1', '2', '3'),
  mode: fc.constantFrom(0o644, 0o4755),
});
const directory: fc.Arbitrary<[string, TinyFile]> = fc.tuple(
  fc.constantFrom('var/tmp', 'opt/p', 'etc/two'),
  fc.record({ type: fc.constant('directory' as const), mode: fc.constantFrom(0o755, 0o1777, 0o700) }),
);
const contents = fc
  .tuple(fc.dictionary(place, file, { maxKeys: 5 }), fc.array(directory, { maxLength: 2 }))
  .map(([files, folders]) => ({ ...files, ...Object.fromEntries(folders) }));

// All replace each other, so that there is an answer to every clash.
const packagesOf = (version: string): fc.Arbitrary<TinyPackage[]> =>
  fc.tuple(...names.map(() => contents)).map((all) =>
    all.map((files, i) => ({
      name: names[i] ?? '',
      version,
      files,
      replaces: names,
      buildDate: i + (version.startsWith('1') ? 1000 : 2000),
    })),
  );

const layout: TinyPackage = {
  name: 'layout',
  version: '1-r0',
  files: {
    bin: { linkName: 'usr/bin' },
    sbin: { linkName: 'usr/sbin' },
    'usr/sbin': { linkName: 'bin' },
    lib: { linkName: 'usr/lib' },
  },
};

test(
  'the root is the same whatever was built before, and whether it is merged or unpacked',
  { timeout: 120_000 },
  async () => {
    const transport = openTransport();
    const key = await testKey();
    const change = fc.record({
      packages: packagesOf('1-r0'),
      newer: packagesOf('2-r0'),
      worlds: fc.array(fc.subarray(names, { minLength: 1 }), { minLength: 2, maxLength: 4 }),
      changed: fc.subarray(names),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ packages, newer, worlds, changed }) => {
        const dir = await mkdtemp(join(tmpdir(), 'layering-'));
        try {
          const build = async (
            world: readonly string[],
            cache: string,
            caps: readonly string[],
          ): Promise<Tree> => {
            const cacheDir = join(dir, cache);
            const { value } = await lockEnvironment({
              world: ['layout', ...world],
              repositories: [dir],
              keyring: [join(dir, key.keyName)],
              arch: 'x86_64',
              directory: dir,
              cacheDir,
              transport,
            });
            if (value === undefined) throw new Error('no such world');
            const environment = await assemble(value, { cacheDir, transport, caps });
            return caps.length > 0 ? await rootOf(environment) : await unpackedRoot(value, environment);
          };
          const caps = ['mergeop', 'source.ocilayout'];
          for (const [i, world] of worlds.entries()) {
            const later = i === worlds.length - 1 ? newer.filter((p) => changed.includes(p.name)) : [];
            await tinyRepository(dir, { packages: [layout, ...packages, ...later], key });
            const fresh = sorted(await build(world, `fresh-${i}`, caps));
            expect(sorted(await build(world, 'used', caps))).toEqual(fresh);
            expect(sorted(await build(world, 'used', []))).toEqual(fresh);
          }
        } finally {
          await rm(dir, { recursive: true, force: true });
        }
      }),
      { numRuns: Number(process.env['MELANGE2_RUNS'] ?? 8) },
    );
    await transport.close();
  },
);

function sorted(tree: Tree): [string, string][] {
  return [...tree].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
