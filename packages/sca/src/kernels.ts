import { diagnostic, type Diagnostic } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { findKernelVersion, findModuleVersion } from './kernel-version.ts';
import { isFile, type Found, type Subject } from './subject.ts';
import { XzDamaged } from './unxz.ts';

const kernelDirectories = ['boot/', 'lib/modules/', 'usr/lib/modules/'];
const moduleDirectories = ['lib/modules/', 'usr/lib/modules/'];

/** Provides `linux:` for every kernel, and depends on it for every kernel module. */
export async function kernels({ tree }: Subject): Promise<Found> {
  const depends: string[] = [];
  const provides: string[] = [];
  const diagnostics: Diagnostic[] = [];
  const below = (path: string, directories: readonly string[]): boolean =>
    directories.some((directory) => path.startsWith(directory));
  for (const entry of tree.entries) {
    const path = entry.header.name;
    if (!isFile(entry) || entry.content === undefined || entry.content.size < 4) continue;
    if (!below(path, kernelDirectories)) continue;
    const bytes = await entry.content.read(0, entry.content.size);
    // A module names its kernel too, but is none.
    if (!/\.ko(\.[a-z0-9]+)?$/.test(path)) {
      const kernel = await findKernelVersion(bytes);
      if (kernel !== undefined) provides.push(`linux:${kernel}`);
    }
    if (!below(path, moduleDirectories)) continue;
    try {
      const module = await findModuleVersion(bytes);
      if (module !== undefined) depends.push(`linux:${module}`);
    } catch (error) {
      if (!(error instanceof XzDamaged)) throw error;
      const details = { path, why: error.message };
      diagnostics.push(diagnostic(errors, 'SCA_MODULE_PACKED', details, { severity: 'warning' }));
    }
  }
  return { depends, provides, diagnostics };
}
