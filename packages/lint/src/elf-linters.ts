import type { TreeEntry } from '@melange2/apk';
import { ElfDamaged, readElf, type ElfFile } from '@melange2/sca';
import { counted, extensionOf, regularFilesOf, type Linter, type LintSubject } from './linter.ts';

const objectExtension = /\.(a|so|dylib)(\..*)?/;

const machines: Readonly<Record<number, string>> = {
  3: 'i386',
  40: 'arm',
  62: 'amd64',
  183: 'arm64',
  21: 'ppc64',
  22: 's390',
  8: 'mips',
  243: 'riscv',
};

/** Programs and libraries of a package, as far as they can be read. */
async function* programsOf(
  subject: LintSubject,
): AsyncGenerator<{ readonly entry: TreeEntry; readonly elf: ElfFile }, void, undefined> {
  for (const entry of regularFilesOf(subject)) {
    const { name, mode } = entry.header;
    if ((mode & 0o111) === 0 && !objectExtension.test(extensionOf(name))) continue;
    if (entry.content === undefined) continue;
    try {
      const elf = await readElf(entry.content);
      if (elf !== undefined) yield { entry, elf };
    } catch (error) {
      // What the loader cannot read either is told by the search for dependencies.
      if (!(error instanceof ElfDamaged)) throw error;
    }
  }
}

/** Linters about programs and libraries. */
export const elfLinters: readonly Linter[] = [
  {
    name: 'strip',
    level: 'warn',
    explain: 'Use the pipeline strip, or split/debug to keep what is taken away.',
    check: async (subject) => {
      const binaries: string[] = [];
      for await (const { entry, elf } of programsOf(subject)) {
        if (elf.sections.some((s) => /^\.z?debug(_|$)/.test(s.name))) binaries.push(entry.header.name);
      }
      if (binaries.length === 0) return [];
      const what = counted(binaries.length, 'binary', 'binaries');
      return [{ message: `${subject.name} has ${what} with debugging information`, details: { binaries } }];
    },
  },
  {
    name: 'binaryarch',
    level: 'warn',
    explain: 'Packages are for x86_64 and aarch64: remove what was compiled for another machine.',
    check: async (subject) => {
      const binaries: { path: string; arch: string }[] = [];
      for await (const { entry, elf } of programsOf(subject)) {
        if (elf.machine === 62 || elf.machine === 183) continue;
        binaries.push({ path: entry.header.name, arch: machines[elf.machine] ?? `unknown (${elf.machine})` });
      }
      if (binaries.length === 0) return [];
      const what = counted(binaries.length, 'binary', 'binaries');
      return [{ message: `${subject.name} has ${what} for other machines`, details: { binaries } }];
    },
  },
];
