import { baseOf, counted, filesOf, type Linter } from './linter.ts';

const platforms: readonly (readonly [platform: string, words: readonly string[]])[] = [
  ['macos', ['darwin', 'macos', 'mac_os', 'mac-os', 'osx', 'os_x', 'os-x']],
  ['windows', ['windows', 'win32', 'win64']],
];

const machines: readonly string[] = [
  'i386',
  'i686',
  'x86_32',
  'x86-32',
  'ppc64',
  'ppc64le',
  'powerpc',
  's390x',
  's390',
  'mips',
  'mipsel',
  'mips64',
  'riscv',
  'riscv64',
  'sparc',
  'sparc64',
  'ia64',
  'm68k',
];

const ours = /aarch64|arm64|amd64|x86_64|x86-64/;

function platformOf(path: string): string | undefined {
  const slash = path.lastIndexOf('/');
  const [folder, base] = [path.slice(0, Math.max(0, slash)).toLowerCase(), baseOf(path).toLowerCase()];
  return platforms.find(([, words]) =>
    words.some((word) => folder.includes(word) || base.includes(word)),
  )?.[0];
}

/** The machine that a path is named after: a folder of that name, or a word of the file's name. */
function machineOf(path: string): string | undefined {
  const parts = path.toLowerCase().split('/');
  const base = parts.pop() ?? '';
  for (const machine of machines) {
    const starts = new RegExp(`^${machine}([-_.]|$)`);
    if (parts.some((part) => starts.test(part))) return machine;
  }
  if (ours.test(path.toLowerCase())) return undefined;
  return machines.find((machine) => new RegExp(`[-_.]${machine}([-_.]|$)`).test(base));
}

/** Linters about what the names of files and folders say. */
export const nameLinters: readonly Linter[] = [
  {
    name: 'nonlinux',
    level: 'warn',
    explain: 'Remove what is for other systems.',
    check: (subject) => {
      const references = filesOf(subject).flatMap(({ header: { name } }) => {
        const platform = platformOf(name);
        return platform === undefined ? [] : [{ path: name, platform }];
      });
      if (references.length === 0) return [];
      const what = counted(references.length, 'file');
      return [{ message: `${subject.name} has ${what} named after other systems`, details: { references } }];
    },
  },
  {
    name: 'unsupportedarch',
    level: 'warn',
    explain: 'Packages are for x86_64 and aarch64: remove what is for other machines.',
    check: (subject) => {
      const files = filesOf(subject).flatMap(({ header: { name } }) => {
        const arch = machineOf(name);
        return arch === undefined ? [] : [{ path: name, arch }];
      });
      if (files.length === 0) return [];
      const what = counted(files.length, 'file');
      return [{ message: `${subject.name} has ${what} named after other machines`, details: { files } }];
    },
  },
];
