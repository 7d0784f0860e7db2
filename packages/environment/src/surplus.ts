import { tarHeader, compareBytes, type TarInput } from '@melange2/apk';
import { cleanName, type RootPlan } from './plan-root.ts';
import type { RootReader } from './root-text.ts';
import type { PackageScan } from './scan-package.ts';

/**
 * The marks that take the files of surplus packages away from a base, as the entries of a layer on top of it;
 * `undefined` when that cannot be done because something else of the base belongs in their place.
 *
 * `inBase` says which of the planned packages are in the base.
 */
export function removals(
  surplus: readonly PackageScan[],
  plan: RootPlan,
  root: RootReader,
  inBase: (packageIndex: number) => boolean,
): TarInput[] | undefined {
  const gone = new Set<string>();
  const changed = new Set<string>();
  for (const scan of surplus) {
    for (const entry of scan.entries) {
      const name = cleanName(entry.name);
      if (name === '' || (!name.includes('/') && name.startsWith('.'))) continue;
      const slash = name.lastIndexOf('/');
      const parent = slash === -1 ? '' : root.real(name.slice(0, slash));
      const path = parent === undefined || parent === '' ? name : `${parent}/${name.slice(slash + 1)}`;
      const node = plan.nodes.get(path);
      if (node === undefined) gone.add(path);
      else if (entry.type === 'directory') {
        if (node.type !== 'directory' && root.real(path) === undefined) return undefined;
        const same = node.mode === entry.mode && node.uid === entry.uid && node.gid === entry.gid;
        if (node.type === 'directory' && !same) changed.add(path);
      } else if (node.from === undefined || inBase(node.from.package)) {
        const same =
          node.from !== undefined &&
          node.sha1 === entry.sha1 &&
          node.mode === entry.mode &&
          node.uid === entry.uid;
        if (!same) return undefined;
      }
    }
  }
  const top = [...gone].filter((path) => !parentsOf(path).some((parent) => gone.has(parent)));
  const directories = new Set([...changed, ...[...changed, ...top].flatMap(parentsOf)]);
  return [
    ...[...directories].map((path) => {
      const node = plan.nodes.get(path);
      const { mode, uid, gid, mtime } =
        node?.type === 'directory' ? node : { mode: 0o755, uid: 0, gid: 0, mtime: 0 };
      return { path, header: tarHeader({ name: `${path}/`, type: 'directory', mode, uid, gid, mtime }) };
    }),
    ...top.map((path) => {
      const slash = path.lastIndexOf('/') + 1;
      return { path, header: tarHeader({ name: `${path.slice(0, slash)}.wh.${path.slice(slash)}` }) };
    }),
  ]
    .toSorted((a, b) => compareBytes(a.path, b.path))
    .map(({ header }) => ({ header }));
}

function parentsOf(path: string): string[] {
  const out: string[] = [];
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1))
    out.push(path.slice(0, slash));
  return out;
}
