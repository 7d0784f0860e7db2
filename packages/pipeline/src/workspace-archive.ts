/** A folder or small file that every build starts with. */
export interface WorkspaceEntry {
  /** Without a slash at its start: `home/build`. */
  readonly path: string;
  /** Permission bits, the sticky one included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The text of a file; a folder without it. */
  readonly text?: string;
}

/**
 * Returns a tar archive of `entries`, in their order.
 *
 * A file op unpacks it in one go. Only an archive can say `1777`: BuildKit's mkdir and copy drop the sticky bit,
 * and mkdir leaves the mode of a folder that is there as it is.
 */
export function workspaceArchive(entries: readonly WorkspaceEntry[], mtimeSeconds: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const entry of entries) {
    const data = new TextEncoder().encode(entry.text ?? '');
    blocks.push(header(entry, data.length, mtimeSeconds));
    if (data.length > 0) {
      const padded = new Uint8Array(Math.ceil(data.length / 512) * 512);
      padded.set(data);
      blocks.push(padded);
    }
  }
  blocks.push(new Uint8Array(1024));
  const out = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    out.set(block, at);
    at += block.length;
  }
  return out;
}

function header(entry: WorkspaceEntry, size: number, mtimeSeconds: number): Uint8Array {
  const isFile = entry.text !== undefined;
  const block = new Uint8Array(512);
  const write = (offset: number, bytes: Uint8Array, length: number): void => {
    if (bytes.length > length) throw new Error(`A name is too long for the workspace: ${entry.path}`);
    block.set(bytes, offset);
  };
  const text = (offset: number, value: string, length: number): void =>
    write(offset, new TextEncoder().encode(value), length);
  const octal = (offset: number, value: number, length: number): void =>
    text(offset, `${value.toString(8).padStart(length - 1, '0')}\0`, length);

  const path = isFile ? entry.path : `${entry.path}/`;
  const [prefix, name] = splitName(path);
  text(0, name, 100);
  text(345, prefix, 155);
  octal(100, entry.mode, 8);
  octal(108, entry.uid, 8);
  octal(116, entry.gid, 8);
  octal(124, size, 12);
  octal(136, mtimeSeconds, 12);
  text(148, '        ', 8);
  text(156, isFile ? '0' : '5', 1);
  text(257, 'ustar\u000000', 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(148, `${sum.toString(8).padStart(6, '0')}\0 `, 8);
  return block;
}

/** Splits a path at a slash so that its parts fit the two fields of a header. */
function splitName(path: string): [prefix: string, name: string] {
  const length = (value: string): number => new TextEncoder().encode(value).length;
  if (length(path) <= 100) return ['', path];
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const prefix = path.slice(0, at);
    const name = path.slice(at + 1);
    if (length(name) <= 100 && length(prefix) <= 155 && name !== '') return [prefix, name];
  }
  return ['', path];
}
