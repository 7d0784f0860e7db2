import { CHECKSUM_RECORD, decodePath, type TarHeader, XATTR_PREFIX } from '@melange2/apk';
import type { Entry } from './cases.ts';

/** An entry of an archive, in the shape that answers are compared in. */
export function entryOf(header: TarHeader): Record<string, unknown> {
  const types = ['file', 'hardLink', 'symlink', 'characterDevice', 'blockDevice', 'directory', 'fifo'];
  const record = (key: string): string | undefined => {
    const found = header.pax.find(([k]) => k === key);
    return found === undefined ? undefined : Buffer.from(found[1]).toString();
  };
  const device = header.type === 'characterDevice' || header.type === 'blockDevice';
  const xattrs = header.pax.filter(([k]) => k.startsWith(XATTR_PREFIX));
  return {
    name: header.name,
    type: String(types.indexOf(header.type)),
    mode: header.mode.toString(8).padStart(4, '0'),
    uid: header.uid,
    gid: header.gid,
    uname: header.uname,
    gname: header.gname,
    size: header.size,
    mtime: header.mtime,
    linkname: header.linkName || undefined,
    dev: device ? [header.devMajor, header.devMinor] : undefined,
    sha1: record(CHECKSUM_RECORD),
    xattrs: xattrs.map(([k, v]) => [k.slice(XATTR_PREFIX.length), Buffer.from(v).toString('base64')]),
  };
}

/** An entry of an answer, in the same shape. */
export function wantedEntry(e: Entry): Record<string, unknown> {
  return {
    name: e.nameB64 === undefined ? e.name : decodePath(Buffer.from(e.nameB64, 'base64')),
    type: e.type,
    mode: e.mode,
    uid: e.uid,
    gid: e.gid,
    uname: e.uname,
    gname: e.gname,
    size: e.size,
    mtime: e.mtime,
    linkname: e.linknameB64 === undefined ? e.linkname : decodePath(Buffer.from(e.linknameB64, 'base64')),
    dev: e.dev,
    sha1: e.sha1,
    xattrs: Object.entries(e.xattrs ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  };
}
