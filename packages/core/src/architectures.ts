import { architecture, architectures as knownArchitectures } from '@melange2/config';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';

/** apk's name of the machine that Node runs on. */
const ofNode: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  arm64: 'aarch64',
  ia32: 'x86',
  arm: 'armv7',
  ppc64: 'ppc64le',
  s390x: 's390x',
  riscv64: 'riscv64',
  loong64: 'loongarch64',
};

/**
 * The architectures of a build, by their apk names, each once: those asked for, `all`, or this machine's.
 *
 * @param machine Node's name of the machine, `process.arch`
 * @throws {BuildError} BUILD_ARCHITECTURE_UNKNOWN
 */
export function buildArchitectures(wanted: readonly string[], machine: string): string[] {
  if (wanted.length === 0) return [ofNode[machine] ?? 'x86_64'];
  if (wanted.includes('all')) return [...knownArchitectures];
  const names = wanted.map((name) => {
    const { apk } = architecture(name);
    if (!knownArchitectures.includes(apk)) {
      throw buildError(errors, 'BUILD_ARCHITECTURE_UNKNOWN', { name, known: knownArchitectures });
    }
    return apk;
  });
  return [...new Set(names)];
}
