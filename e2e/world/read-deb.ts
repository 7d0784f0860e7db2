import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { bytesSource, readTar, tarHeader, type TreeEntry } from '@melange2/apk';
import { mergedLinkTarget, mergedPath } from './merged-layout.ts';
import { runProgram } from './run-program.ts';

/** What the control file of a Debian package says, as far as a conversion asks. */
export interface DebControl {
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  readonly source: string;
  /** Each dependency as its alternatives, names only. */
  readonly depends: readonly (readonly string[])[];
  /** Virtual names that it stands for. */
  readonly provides: readonly string[];
}

/** Entries by path, without slash at the beginning. */
export type Tree = Map<string, TreeEntry>;

export async function readDebControl(file: string): Promise<DebControl> {
  const text = await runProgram('dpkg-deb', ['--field', file]);
  const fields = new Map<string, string>();
  let key = '';
  for (const line of text.split('\n')) {
    const field = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
    if (field !== null) {
      key = field[1] ?? '';
      fields.set(key, field[2] ?? '');
    } else if (key !== 'Description') {
      fields.set(key, `${fields.get(key) ?? ''} ${line.trim()}`);
    }
  }
  const name = fields.get('Package') ?? '';
  return {
    name,
    version: fields.get('Version') ?? '0',
    summary: fields.get('Description') ?? '',
    source: (fields.get('Source') ?? name).replace(/ .*/, ''),
    depends: [...relations(fields.get('Pre-Depends')), ...relations(fields.get('Depends'))],
    provides: relations(fields.get('Provides')).flat(),
  };
}

function relations(text: string | undefined): readonly (readonly string[])[] {
  return (text ?? '')
    .split(',')
    .map((one) =>
      one
        .split('|')
        .map((alternative) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(alternative)?.[1] ?? '')
        .filter((name) => name !== ''),
    )
    .filter((alternatives) => alternatives.length > 0);
}

/** Nothing that a build reads. */
const dropped = /^usr\/share\/(doc|doc-base|man|locale|info|lintian|bug|menu|pixmaps|applications)(\/|$)/;

/**
 * Reads the files of a Debian package, moved into the merged layout of Wolfi: bin, sbin and usr/sbin lie in
 * usr/bin, lib and lib64 in usr/lib. Documentation and translations are left out.
 *
 * Owners and times are dropped: all is root's and of 1970, as far as a mode can say.
 */
export async function readDebTree(file: string): Promise<Tree> {
  const child = spawn('dpkg-deb', ['--fsys-tarfile', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const tree: Tree = new Map();
  for await (const entry of readTar(child.stdout, { archive: file })) {
    const oldPath = entry.name.replace(/^\.?\/+/, '');
    if (oldPath === '' || oldPath === '.' || dropped.test(oldPath)) continue;
    const path = mergedPath(oldPath);
    const { type, mode, pax } = entry;
    if (type === 'directory') {
      if (!tree.has(path)) tree.set(path, { header: tarHeader({ name: path, type, mode, pax }) });
    } else if (type === 'symlink') {
      const linkName = mergedLinkTarget(oldPath, entry.linkName);
      // A package made for a merged layout may ship the link that the layout itself is.
      if (linkName === undefined || (tree.has(path) && tree.get(path)?.header.type !== 'symlink')) continue;
      tree.set(path, { header: tarHeader({ name: path, type, mode: 0o777, linkName }) });
    } else if (type === 'hardLink') {
      const linkName = mergedPath(entry.linkName.replace(/^\.?\/+/, ''));
      if (linkName !== path) tree.set(path, { header: tarHeader({ name: path, type, mode, linkName }) });
    } else if (type === 'file') {
      const content = await entry.bytes();
      tree.set(path, {
        header: tarHeader({ name: path, mode, size: content.length, pax }),
        content: bytesSource(content),
      });
    } else {
      throw new Error(`${file} has a ${type}, ${path}: a package with devices cannot be converted.`);
    }
  }
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`dpkg-deb could not unpack ${file}.`);
  return tree;
}

/** Reads the whole content of a file of a tree; nothing for what is no file. */
export async function contentOf(entry: TreeEntry | undefined): Promise<Uint8Array> {
  const { content } = entry ?? {};
  return content === undefined ? new Uint8Array() : content.read(0, content.size);
}
