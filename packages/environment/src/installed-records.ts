import {
  comparePaths,
  type InstalledDirectory,
  type InstalledFile,
  type InstalledRecord,
} from '@melange2/apk';
import { cleanName, type RootPlan } from './plan-root.ts';
import type { PackageScan } from './scan-package.ts';

/** What apk's database says of the packages of a planned root, in the order of installation. */
export function installedRecords(packages: readonly PackageScan[], plan: RootPlan): InstalledRecord[] {
  return packages.map((scan, index) => {
    const { info } = scan;
    return {
      identity: scan.identity,
      name: info.name,
      version: info.version,
      arch: info.arch,
      size: scan.fileSize,
      installedSize: info.installedSize,
      description: info.description,
      url: info.url,
      license: info.licenses.join(' AND '),
      ...(info.origin === undefined ? {} : { origin: info.origin }),
      ...(info.maintainer === undefined ? {} : { maintainer: info.maintainer }),
      ...(info.buildDate === undefined ? {} : { buildDate: info.buildDate }),
      ...(info.commit === undefined ? {} : { commit: info.commit }),
      ...(info.providerPriority === undefined ? {} : { providerPriority: info.providerPriority }),
      ...(info.replacesPriority === undefined ? {} : { replacesPriority: info.replacesPriority }),
      depends: info.depends,
      provides: info.provides,
      installIf: info.installIf,
      replaces: info.replaces,
      directories: directoriesOf(scan, plan.lost[index] ?? new Map()),
    };
  });
}

function directoriesOf(scan: PackageScan, lost: ReadonlyMap<number, number>): InstalledDirectory[] {
  const root = { path: '', uid: 0, gid: 0, mode: 0o755, files: [] as InstalledFile[] };
  const directories = new Map<string, InstalledDirectory & { readonly files: InstalledFile[] }>();
  for (const [position, entry] of scan.entries.entries()) {
    const path = cleanName(entry.name);
    if (path === '' || (!path.includes('/') && path.startsWith('.'))) continue;
    const { uid, gid, mode, sha1 } = entry;
    if (entry.type === 'directory') {
      directories.set(path, { path, uid, gid, mode, files: [] });
      continue;
    }
    if (lost.has(position)) continue;
    const slash = path.lastIndexOf('/');
    const parent = slash === -1 ? root : directories.get(path.slice(0, slash));
    parent?.files.push({
      name: path.slice(slash + 1),
      uid,
      gid,
      mode: entry.type === 'symlink' ? 0o777 : mode,
      ...(sha1 === '' ? {} : { checksum: `Q1${Buffer.from(sha1, 'hex').toString('base64')}` }),
    });
  }
  const all = [...directories.values()].toSorted((a, b) => comparePaths(a.path, b.path));
  return root.files.length > 0 ? [root, ...all] : all;
}
