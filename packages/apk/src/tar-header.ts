/** What an entry is. Contiguous files (`7`) read as files. */
export type TarEntryType =
  | 'file'
  | 'hardLink'
  | 'symlink'
  | 'characterDevice'
  | 'blockDevice'
  | 'directory'
  | 'fifo';

/** One record of a PAX header: a key and its raw value, which may be binary (extended attributes are). */
export type PaxRecord = readonly [key: string, value: Uint8Array];

/**
 * The header of one tar entry, as read or as to be written.
 *
 * Texts are as `decodePath` gives them, so names that are not UTF-8 survive.
 */
export interface TarHeader {
  /** Path as archived, without the slash at the end that some writers give directories. */
  readonly name: string;
  readonly type: TarEntryType;
  /** Permissions with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  /** Content bytes; 0 for everything but files. */
  readonly size: number;
  /** Whole seconds since 1970; may be negative. */
  readonly mtime: number;
  /** Target of a symlink, or the archived name that a hard link is another name of; else empty. */
  readonly linkName: string;
  readonly devMajor: number;
  readonly devMinor: number;
  /** Records other than those that the fields above stand for, in the order of the archive. */
  readonly pax: readonly PaxRecord[];
}

/** Makes a whole header from the parts that differ from root's empty file of mode 0644 and time 0. */
export function tarHeader(fields: Partial<TarHeader> & Pick<TarHeader, 'name'>): TarHeader {
  return {
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    size: 0,
    mtime: 0,
    linkName: '',
    devMajor: 0,
    devMinor: 0,
    pax: [],
    ...fields,
  };
}

/** Gives the raw value of a PAX record; the last one counts when the key repeats. */
export function paxValue(pax: readonly PaxRecord[], key: string): Uint8Array | undefined {
  return pax.findLast(([k]) => k === key)?.[1];
}

/** Prefix of the PAX records that hold extended attributes. */
export const XATTR_PREFIX = 'SCHILY.xattr.';

/** The PAX record with the hex SHA-1 of a file's content or of a symlink's target. */
export const CHECKSUM_RECORD = 'APK-TOOLS.checksum.SHA1';

/** Extended attributes of an entry, by name without prefix, in the order of the archive. */
export function xattrsOf(header: TarHeader): Map<string, Uint8Array> {
  return new Map(
    header.pax
      .filter(([key]) => key.startsWith(XATTR_PREFIX))
      .map(([key, value]) => [key.slice(XATTR_PREFIX.length), value]),
  );
}
