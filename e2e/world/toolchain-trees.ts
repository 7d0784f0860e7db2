import { readdir, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { putFile, putLink } from './base-trees.ts';
import type { Tree } from './read-deb.ts';

/** A `cargo auditable` that builds as cargo does, and adds no list of dependencies to the programs. */
export function auditableCargo(): Promise<Tree> {
  const tree: Tree = new Map();
  putFile(tree, 'usr/bin/cargo-auditable', '#!/bin/sh\nshift\nexec cargo "$@"\n', 0o755);
  return Promise.resolve(tree);
}

/** npm as it comes from the registry: Debian's own is made of hundreds of packages. */
export async function npmTree(): Promise<Tree> {
  const from = dirname(createRequire(import.meta.url).resolve('npm/package.json'));
  const tree: Tree = new Map();
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const inside = file.slice(from.length + 1);
    if (!entry.isFile() || /^(?:docs|man)\//.test(inside)) continue;
    const { mode } = await stat(file);
    const isProgram = (mode & 0o100) !== 0;
    putFile(tree, `usr/lib/node_modules/npm/${inside}`, await readFile(file), isProgram ? 0o755 : 0o644);
  }
  for (const program of ['npm', 'npx']) {
    putLink(tree, `usr/bin/${program}`, `../lib/node_modules/npm/bin/${program}-cli.js`);
  }
  return tree;
}
