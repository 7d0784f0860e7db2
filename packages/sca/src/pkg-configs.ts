import { diagnostic, type Diagnostic } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { parsePkgConfig } from './pkg-config.ts';
import { baseName, directoryOf, isFile, type Found, type Subject } from './subject.ts';

const directories: ReadonlySet<string> = new Set([
  'usr/local/lib/pkgconfig',
  'usr/local/share/pkgconfig',
  'usr/lib/pkgconfig',
  'usr/lib64/pkgconfig',
  'usr/share/pkgconfig',
]);

/** Provides `pc:` for the `.pc` files where pkg-config looks, and depends on what those require. */
export async function pkgConfigs({ tree, version }: Subject): Promise<Found> {
  const depends: string[] = [];
  const provides: string[] = [];
  const vendored: string[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const entry of tree.entries) {
    const path = entry.header.name;
    if (!path.endsWith('.pc') || !isFile(entry) || entry.content === undefined) continue;
    const text = Buffer.from(await entry.content.read(0, entry.content.size)).toString('utf8');
    const file = parsePkgConfig(text);
    if (file === undefined) {
      diagnostics.push(diagnostic(errors, 'SCA_PKGCONFIG_UNREADABLE', { path }, { severity: 'warning' }));
      continue;
    }
    const provided = `pc:${baseName(path).slice(0, -'.pc'.length)}=${version}`;
    if (!directories.has(directoryOf(path))) {
      vendored.push(provided);
      continue;
    }
    provides.push(provided);
    depends.push(...[...file.requires, ...file.requiresPrivate].map((name) => `pc:${name}`));
  }
  return { depends, provides, vendored, diagnostics };
}
