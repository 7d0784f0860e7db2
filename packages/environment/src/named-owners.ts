import { idsOf } from './accounts.ts';
import { planRoot, type EntryEdit, type RootPlan } from './plan-root.ts';
import { openRoot } from './root-text.ts';
import type { PackageScan } from './scan-package.ts';

/**
 * Plans a root with the owners that names stand for in it: an archive names its owners, and where the accounts of this
 * root have such a name, its number counts, not the one in the archive.
 *
 * @throws {BuildError} ENVIRONMENT_ACCOUNT_INVALID
 */
export function planOwnedRoot(packages: readonly PackageScan[]): {
  plan: RootPlan;
  packages: readonly PackageScan[];
} {
  const plan = planRoot(packages);
  const root = openRoot(plan, packages);
  const users = idsOf(root.text('etc/passwd') ?? '', 'etc/passwd');
  const groups = idsOf(root.text('etc/group') ?? '', 'etc/group');
  const changes = packages.map(() => new Map<number, { uid: number; gid: number }>());
  const owned = packages.map((scan, index): PackageScan => {
    let changed = false;
    const entries = scan.entries.map((entry, position) => {
      const uid = users.get(entry.uname) ?? entry.uid;
      const gid = groups.get(entry.gname) ?? entry.gid;
      if (uid === entry.uid && gid === entry.gid) return entry;
      changed = true;
      changes[index]?.set(position, { uid, gid });
      return { ...entry, uid, gid };
    });
    return changed ? { ...scan, entries } : scan;
  });
  if (changes.every((c) => c.size === 0)) return { plan, packages };
  const second = planRoot(owned);
  const edits = second.edits.map((before, index) => {
    const all = new Map<number, EntryEdit>(before);
    for (const [position, ids] of changes[index] ?? []) {
      const edit = all.get(position);
      if (edit?.kind !== 'drop') all.set(position, { kind: 'change', ...edit, ...ids });
    }
    return all;
  });
  return { plan: { ...second, edits }, packages: owned };
}
