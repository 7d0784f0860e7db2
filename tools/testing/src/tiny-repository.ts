import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import {
  bytesSource,
  createKeyPair,
  indexRecordOf,
  packageInfo,
  packageTree,
  parseSigningKey,
  tarHeader,
  writeIndex,
  writePackage,
  type IndexRecord,
  type PackageInfo,
  type SigningKey,
  type TarHeader,
  type TreeEntry,
} from '@melange2/apk';

/** A file as its text, or whatever a tar header can say. */
export type TinyFile =
  | string
  | (Partial<Omit<TarHeader, 'name' | 'size'>> & { readonly content?: string | Uint8Array });

/** A package made of a few small files. */
export interface TinyPackage extends Partial<PackageInfo> {
  readonly name: string;
  readonly version: string;
  readonly files?: Readonly<Record<string, TinyFile>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

export interface TinyRepositoryOptions {
  readonly arch?: string;
  readonly packages: readonly TinyPackage[];
  readonly key?: SigningKey;
}

let keys: Promise<SigningKey> | undefined;

/** A key for tests, made once per process. */
export async function testKey(): Promise<SigningKey> {
  keys ??= createKeyPair(2048).then(({ privatePem }) => parseSigningKey(privatePem, { file: 'test.rsa' }));
  return await keys;
}

/** Makes the bytes of a package. */
export async function tinyPackage(
  { files = {}, scripts = {}, ...info }: TinyPackage,
  options: { readonly arch?: string; readonly key?: SigningKey } = {},
): Promise<{ readonly bytes: Uint8Array; readonly record: IndexRecord }> {
  const written = await writePackage({
    tree: packageTree(Object.entries(files).map(([name, file]) => entryOf(name, file))),
    info: packageInfo({ arch: options.arch ?? 'x86_64', origin: info.name, ...info }),
    scripts: new Map(Object.entries(scripts)),
    sourceDateEpoch: info.buildDate ?? 1_700_000_000,
    ...(options.key === undefined ? {} : { key: options.key }),
  });
  const bytes = await buffer(written.read());
  return {
    bytes,
    record: indexRecordOf({ info: written.info, identity: written.identity, size: bytes.length }),
  };
}

/** Writes packages and their index below `folder`; `key` signs all of it. */
export async function tinyRepository(
  folder: string,
  options: TinyRepositoryOptions,
): Promise<readonly IndexRecord[]> {
  const { arch = 'x86_64', key } = options;
  const place = join(folder, arch);
  await mkdir(place, { recursive: true });
  const records: IndexRecord[] = [];
  for (const found of options.packages) {
    const { bytes, record } = await tinyPackage(found, { arch, ...(key === undefined ? {} : { key }) });
    await writeFile(join(place, `${record.name}-${record.version}.apk`), bytes);
    records.push(record);
  }
  await writeFile(
    join(place, 'APKINDEX.tar.gz'),
    await writeIndex(records, key === undefined ? {} : { key }),
  );
  if (key !== undefined) await writeFile(join(folder, key.keyName), key.publicPem);
  return records;
}

function entryOf(name: string, file: TinyFile): TreeEntry {
  const { content, ...fields } = typeof file === 'string' ? { content: file } : file;
  const { type = fields.linkName === undefined ? 'file' : 'symlink' } = fields;
  const mode = type === 'directory' ? 0o755 : type === 'symlink' ? 0o777 : 0o644;
  if (type !== 'file') return { header: tarHeader({ mode, ...fields, type, name }) };
  const bytes = typeof content === 'string' ? Buffer.from(content) : (content ?? new Uint8Array());
  return {
    header: tarHeader({ mode, ...fields, type, name, size: bytes.length }),
    content: bytesSource(bytes),
    sha1: createHash('sha1').update(bytes).digest('hex'),
  };
}
