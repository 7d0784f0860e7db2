import { createReadStream, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { readTar } from '@melange2/apk';
import { assemble, lockEnvironment, openTransport, type Blob } from '@melange2/environment';
import type { Conformance } from './solver.ts';

interface Entry {
  readonly type: string;
  readonly name: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly link?: string;
  readonly text?: string;
}

interface Layouts {
  readonly golden: {
    readonly images: readonly { readonly layers: readonly { readonly entries: readonly Entry[] }[] }[];
  };
}

const flags: Readonly<Record<string, string>> = { file: '0', hardLink: '1', symlink: '2', directory: '5' };

/** Entries of apko's image that an environment has not, or has otherwise: the reasons stand in docs/compat/environment.md. */
const listed =
  /^(?:dev\/.*|etc\/apko\.json|etc\/apk\/(?:world|repositories)|usr\/lib\/apk\/db\/installed|etc\/os-release)$/;

/** Compares the roots of the packages that apko's own test image is made of with that image, entry by entry. */
export async function run(vectors: string): Promise<Conformance> {
  const cli = join(vectors, 'apk/apko/cli');
  const { golden } = JSON.parse(readFileSync(join(vectors, 'apk/layouts.json'), 'utf8')) as Layouts;
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  const cacheDir = await mkdtemp(join(tmpdir(), 'conformance-'));
  const transport = openTransport();
  try {
    for (const [i, arch] of ['x86_64', 'aarch64'].entries()) {
      const { value } = await lockEnvironment({
        world: ['replayout'],
        repositories: [join(cli, 'packages')],
        keyring: [join(cli, 'melange.rsa.pub')],
        arch,
        directory: cli,
        cacheDir,
        transport,
      });
      if (value === undefined) throw new Error('apko’s world cannot be met');
      const { attachables } = await assemble(value, {
        cacheDir,
        transport,
        caps: ['mergeop', 'source.ocilayout'],
        accounts: { groups: [], users: [] },
      });
      const tree = await treeOf(attachables.contentStores?.['oci:environment']?.blobs ?? new Map());
      for (const entry of golden.images[i]?.layers[0]?.entries ?? []) {
        const found = tree.get(entry.name);
        const same =
          found !== undefined &&
          found.type === entry.type &&
          found.mode === entry.mode &&
          found.uid === entry.uid &&
          (found.link ?? '') === (entry.link ?? '') &&
          (entry.text === undefined || found.text === entry.text);
        if (same) result.equal++;
        else if (listed.test(entry.name)) result.listed++;
        else
          result.failed.push(
            `${arch} ${entry.name}\n  want ${JSON.stringify(entry)}\n  got  ${JSON.stringify(found)}`,
          );
      }
    }
    return result;
  } finally {
    await transport.close();
    await rm(cacheDir, { recursive: true, force: true });
  }
}

async function treeOf(blobs: ReadonlyMap<string, Blob>): Promise<Map<string, Entry>> {
  const tree = new Map<string, Entry>();
  for (const blob of blobs.values()) {
    if (blob.kind !== 'file') continue;
    const start = blob.offset ?? 0;
    const bytes = createReadStream(blob.path, { start, end: start + blob.sizeBytes - 1 });
    const source = blob.path.endsWith('.apk') ? bytes.pipe(createGunzip()) : bytes;
    for await (const entry of readTar(source)) {
      const { type, name, mode, uid, gid, linkName, size } = entry;
      tree.set(name, {
        type: flags[type] ?? type,
        name,
        mode: mode.toString(8),
        uid,
        gid,
        ...(linkName === '' ? {} : { link: linkName }),
        ...(type === 'file' && size < 100_000
          ? { text: Buffer.from(await entry.bytes()).toString('utf8') }
          : {}),
      });
    }
  }
  return tree;
}
