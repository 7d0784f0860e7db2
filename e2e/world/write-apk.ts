import { createHash, sign, type KeyObject } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { CHECKSUM_RECORD, gzipParallel, tarHeader, writeTar, type TarInput } from '@melange2/apk';
import { orderedEntries, type Tree } from './read-deb.ts';

export interface ApkMetadata {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly description: string;
  readonly origin: string;
  readonly depends: readonly string[];
  readonly provides: readonly string[];
}

export interface WorldKey {
  /** File name of the public key. */
  readonly name: string;
  readonly privateKey: KeyObject;
}

/** A package file and its record in an index. */
export interface WrittenApk {
  readonly bytes: Uint8Array;
  readonly record: string;
}

/** Makes the bytes of a signed package. Equal input gives equal bytes. */
export async function writeApk(metadata: ApkMetadata, tree: Tree, key: WorldKey): Promise<WrittenApk> {
  const entries = orderedEntries(tree);
  const inputs = entries.map(({ header, content }): TarInput => {
    const summed =
      header.type === 'file'
        ? (content ?? new Uint8Array())
        : header.type === 'symlink'
          ? header.linkName
          : undefined;
    const pax =
      summed === undefined
        ? header.pax
        : [
            ...header.pax,
            [CHECKSUM_RECORD, Buffer.from(createHash('sha1').update(summed).digest('hex'))] as const,
          ];
    return {
      header: { ...header, pax, uname: 'root', gname: 'root' },
      ...(content === undefined ? {} : { content }),
    };
  });
  const data = await collect(gzipParallel(writeTar(inputs)));
  // apk extracts nothing of a package whose size is 0, also not its links.
  const size = Math.max(
    1,
    entries.reduce((sum, { header }) => sum + header.size, 0),
  );
  const info = [
    `pkgname = ${metadata.name}`,
    `pkgver = ${metadata.version}`,
    `arch = ${metadata.arch}`,
    `size = ${size}`,
    `origin = ${metadata.origin}`,
    `pkgdesc = ${metadata.description}`,
    `url = https://packages.debian.org/${metadata.origin}`,
    'commit = ',
    'license = various',
    ...metadata.depends.map((depend) => `depend = ${depend}`),
    ...metadata.provides.map((provide) => `provides = ${provide}`),
    `datahash = ${createHash('sha256').update(data).digest('hex')}`,
    '',
  ].join('\n');
  const control = await member('.PKGINFO', Buffer.from(info));
  const bytes = Buffer.concat([await signatureOf(control, key), control, data]);
  const record = [
    `C:Q1${createHash('sha1').update(control).digest('base64')}`,
    `P:${metadata.name}`,
    `V:${metadata.version}`,
    `A:${metadata.arch}`,
    `S:${bytes.length}`,
    `I:${size}`,
    `T:${metadata.description}`,
    `U:https://packages.debian.org/${metadata.origin}`,
    'L:various',
    `o:${metadata.origin}`,
    ...(metadata.depends.length > 0 ? [`D:${metadata.depends.join(' ')}`] : []),
    ...(metadata.provides.length > 0 ? [`p:${metadata.provides.join(' ')}`] : []),
    '',
    '',
  ].join('\n');
  return { bytes, record };
}

/** Makes a signed `APKINDEX.tar.gz` of records. */
export async function writeWorldIndex(records: readonly string[], key: WorldKey): Promise<Uint8Array> {
  const entries: TarInput[] = (
    [
      ['DESCRIPTION', Buffer.from('melange2 offline world')],
      ['APKINDEX', Buffer.from(records.join(''))],
    ] as const
  ).map(([name, content]) => ({ header: tarHeader({ name, size: content.length }), content }));
  const index = gzipSync(await collect(writeTar(entries)));
  return Buffer.concat([await signatureOf(index, key), index]);
}

async function signatureOf(signed: Uint8Array, key: WorldKey): Promise<Uint8Array> {
  return member(`.SIGN.RSA256.${key.name}`, sign('RSA-SHA256', signed, key.privateKey));
}

async function member(name: string, content: Uint8Array): Promise<Uint8Array> {
  const header = tarHeader({ name, size: content.length, uname: 'root', gname: 'root' });
  return gzipSync(await collect(writeTar([{ header, content }], { end: false })));
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
