import type { RootPlan } from './plan-root.ts';
import type { RootReader } from './root-text.ts';
import type { PackageScan } from './scan-package.ts';

const machines: Readonly<Record<number, number>> = { 62: 0x0303, 183: 0x0a03 };

interface LoaderEntry {
  readonly name: string;
  readonly path: string;
  readonly flags: number;
}

/**
 * Makes `etc/ld.so.cache`, by which glibc's loader finds libraries; `undefined` when there is no `etc/ld.so.conf`.
 *
 * Libraries of other machines than x86-64 and aarch64 are left out. Of one name in several directories the first
 * counts; directories come in the order of `ld.so.conf`, after `/lib`.
 *
 * @see https://sourceware.org/git/?p=glibc.git;a=blob;f=sysdeps/generic/dl-cache.h
 */
export function loaderCache(
  plan: RootPlan,
  packages: readonly PackageScan[],
  root: RootReader,
): Uint8Array | undefined {
  const conf = root.text('etc/ld.so.conf');
  if (conf === undefined) return undefined;
  const directories = ['/lib', ...confDirectories(conf, root, 0), '/usr/lib', '/lib64', '/usr/lib64'];
  const seen = new Set<string>();
  const found = new Map<string, LoaderEntry>();
  for (const directory of directories) {
    const real = root.real(directory);
    if (real === undefined || seen.has(real)) continue;
    seen.add(real);
    for (const name of root.list(real)) {
      if (!/^(?:lib.*\.so|ld-.*\.so)/.test(name)) continue;
      const at = root.real(`${real}/${name}`);
      const from = at === undefined ? undefined : plan.nodes.get(at)?.from;
      const library = from === undefined ? undefined : packages[from.package]?.libraries[from.entry.name];
      if (library === undefined) continue;
      const flags = machines[library.machine];
      const { soname } = library;
      const listed =
        soname === undefined ? name.endsWith('.so') : name === soname || name === `${stem(soname)}.so`;
      if (flags === undefined || !listed || found.has(name)) continue;
      found.set(name, { name, path: `${directory.replace(/\/+$/, '')}/${name}`, flags });
    }
  }
  return formatLoaderCache([...found.values()]);
}

function confDirectories(text: string, root: RootReader, depth: number): string[] {
  return text.split('\n').flatMap((raw) => {
    const line = raw.replace(/#.*$/, '').trim();
    const pattern = /^include\s+(.+)$/.exec(line)?.[1];
    if (pattern === undefined) return line.startsWith('/') ? [line] : [];
    if (depth > 4) return [];
    const path = pattern.startsWith('/') ? pattern : `/etc/${pattern}`;
    const directory = path.slice(0, path.lastIndexOf('/'));
    const name = new RegExp(
      `^${RegExp.escape(path.slice(directory.length + 1))
        .replaceAll('\\*', '.*')
        .replaceAll('\\?', '.')}$`,
    );
    return root
      .list(directory)
      .filter((file) => name.test(file))
      .flatMap((file) => confDirectories(root.text(`${directory}/${file}`) ?? '', root, depth + 1));
  });
}

function stem(soname: string): string {
  const at = soname.indexOf('.so');
  return at === -1 ? soname : soname.slice(0, at);
}

const magic = 'glibc-ld.so.cache1.1';

/** Writes the entries in glibc's format of 2003: header, entries, texts, padded to 16 bytes. */
export function formatLoaderCache(entries: readonly LoaderEntry[]): Uint8Array {
  const sorted = entries.toSorted((a, b) => compareLibraryNames(b.name, a.name));
  const headerBytes = 48;
  const entryBytes = 24;
  const textsAt = headerBytes + sorted.length * entryBytes;
  const table = Buffer.alloc(sorted.length * entryBytes);
  const texts: Buffer[] = [];
  let at = textsAt;
  for (const [i, { name, path, flags }] of sorted.entries()) {
    const text = Buffer.from(`${path}\0`);
    table.writeUInt32LE(flags, i * entryBytes);
    table.writeUInt32LE(at + Buffer.byteLength(path) - Buffer.byteLength(name), i * entryBytes + 4);
    table.writeUInt32LE(at, i * entryBytes + 8);
    texts.push(text);
    at += text.length;
  }
  const header = Buffer.alloc(headerBytes);
  header.write(magic, 0, 'latin1');
  header.writeUInt32LE(sorted.length, 20);
  header.writeUInt32LE(at - textsAt, 24);
  // Little-endian, as both machines are.
  header[28] = 2;
  return Buffer.concat([header, table, ...texts, Buffer.alloc(16 - (at % 16))]);
}

/** glibc's order: runs of digits by their number, a digit after everything else. */
export function compareLibraryNames(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const left = /^[0-9]+/.exec(a.slice(i))?.[0];
    const right = /^[0-9]+/.exec(b.slice(j))?.[0];
    if (left !== undefined && right !== undefined) {
      const order = Number(left) - Number(right);
      if (order !== 0) return order;
      i += left.length;
      j += right.length;
    } else if (left !== undefined || right !== undefined) {
      return left === undefined ? -1 : 1;
    } else {
      const order = a.charCodeAt(i) - b.charCodeAt(j);
      if (order !== 0) return order;
      i++;
      j++;
    }
  }
  return a.length - i - (b.length - j);
}
