import type { RootPlan } from './plan-root.ts';
import { linkTarget } from './plan-root.ts';
import type { PackageScan } from './scan-package.ts';

/** Looks things up in a planned root, links followed. */
export interface RootReader {
  /** The path behind `path` once all links are followed; `undefined` when there is nothing. */
  readonly real: (path: string) => string | undefined;
  /** The text of a small file; `undefined` when it is not there or was not kept by the scan. */
  readonly text: (path: string) => string | undefined;
  /** Names in a directory, sorted. */
  readonly list: (path: string) => readonly string[];
}

export function openRoot(plan: RootPlan, packages: readonly PackageScan[]): RootReader {
  let children: Map<string, string[]> | undefined;
  const real = (path: string, depth = 0): string | undefined => {
    const parts = path.split('/').filter((p) => p !== '');
    let at = '';
    for (const [i, part] of parts.entries()) {
      const next = at === '' ? part : `${at}/${part}`;
      const node = plan.nodes.get(next);
      if (node === undefined) return undefined;
      if (node.type === 'symlink') {
        if (depth > 40) return undefined;
        return real([linkTarget(next, node.linkName), ...parts.slice(i + 1)].join('/'), depth + 1);
      }
      at = next;
    }
    return at;
  };
  return {
    real: (path) => real(path),
    text: (path) => {
      const at = real(path);
      const from = at === undefined ? undefined : plan.nodes.get(at)?.from;
      const base64 = from === undefined ? undefined : packages[from.package]?.texts[from.entry.name];
      return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
    },
    list: (path) => {
      if (children === undefined) {
        children = new Map();
        for (const name of plan.nodes.keys()) {
          const slash = name.lastIndexOf('/');
          const parent = slash === -1 ? '' : name.slice(0, slash);
          const known = children.get(parent);
          if (known === undefined) children.set(parent, [name.slice(slash + 1)]);
          else known.push(name.slice(slash + 1));
        }
      }
      const at = real(path);
      return at === undefined ? [] : (children.get(at) ?? []).toSorted();
    },
  };
}
