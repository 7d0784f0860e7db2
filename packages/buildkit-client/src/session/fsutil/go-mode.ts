import { constants } from 'node:fs';

/** Bits of Go's `os.FileMode` that stand above the nine permission bits. */
export const goMode: {
  readonly dir: number;
  readonly symlink: number;
  readonly device: number;
  readonly fifo: number;
  readonly socket: number;
  readonly setuid: number;
  readonly setgid: number;
  readonly charDevice: number;
  readonly sticky: number;
  readonly irregular: number;
} = {
  dir: 2 ** 31,
  symlink: 1 << 27,
  device: 1 << 26,
  fifo: 1 << 25,
  socket: 1 << 24,
  setuid: 1 << 23,
  setgid: 1 << 22,
  charDevice: 1 << 21,
  sticky: 1 << 20,
  irregular: 1 << 19,
};

/** The bits that say what kind of file it is; none of them is set on a regular file. */
export const goTypeBits: number =
  goMode.dir +
  goMode.symlink +
  goMode.device +
  goMode.fifo +
  goMode.socket +
  goMode.charDevice +
  goMode.irregular;

/** Tells whether the mode, as Go writes it, is that of a regular file: the only kind whose content is asked for. */
export function isRegular(mode: number): boolean {
  return (mode & goTypeBits) === 0;
}

/** Returns a mode of the operating system as Go writes it. */
export function toGoMode(stMode: number): number {
  let mode = stMode & 0o777;
  switch (stMode & constants.S_IFMT) {
    case constants.S_IFDIR:
      mode += goMode.dir;
      break;
    case constants.S_IFLNK:
      mode += goMode.symlink;
      break;
    case constants.S_IFBLK:
      mode += goMode.device;
      break;
    case constants.S_IFCHR:
      mode += goMode.device + goMode.charDevice;
      break;
    case constants.S_IFIFO:
      mode += goMode.fifo;
      break;
    case constants.S_IFSOCK:
      mode += goMode.socket;
      break;
  }
  if ((stMode & 0o4000) !== 0) mode += goMode.setuid;
  if ((stMode & 0o2000) !== 0) mode += goMode.setgid;
  if ((stMode & 0o1000) !== 0) mode += goMode.sticky;
  return mode;
}

/** Returns permission, setuid, setgid and sticky bits of a Go mode as `chmod` takes them. */
export function toPermissions(mode: number): number {
  let bits = mode & 0o777;
  if ((mode & goMode.setuid) !== 0) bits |= 0o4000;
  if ((mode & goMode.setgid) !== 0) bits |= 0o2000;
  if ((mode & goMode.sticky) !== 0) bits |= 0o1000;
  return bits;
}

/** A word for the kind of file, for messages. */
export function kindName(mode: number): string {
  if ((mode & goMode.dir) !== 0) return 'folder';
  if ((mode & goMode.symlink) !== 0) return 'symbolic link';
  if ((mode & goMode.charDevice) !== 0) return 'character device';
  if ((mode & goMode.device) !== 0) return 'block device';
  if ((mode & goMode.fifo) !== 0) return 'named pipe';
  if ((mode & goMode.socket) !== 0) return 'socket';
  return (mode & goMode.irregular) === 0 ? 'regular file' : 'file of unknown kind';
}
