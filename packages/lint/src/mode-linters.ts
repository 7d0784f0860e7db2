import { counted, regularFilesOf, type Finding, type Linter, type LintSubject } from './linter.ts';

const special: readonly (readonly [bit: number, name: string])[] = [
  [0o4000, 'setuid'],
  [0o2000, 'setgid'],
  [0o1000, 'sticky'],
];

function about(
  subject: LintSubject,
  permissionsOf: (mode: number) => readonly string[],
  says: (count: number) => string,
): Finding[] {
  const files = regularFilesOf(subject).flatMap(({ header: { name, mode } }) => {
    const permissions = permissionsOf(mode);
    return permissions.length === 0 ? [] : [{ path: name, mode: mode.toString(8), permissions }];
  });
  return files.length === 0 ? [] : [{ message: says(files.length), details: { files } }];
}

/** Linters about permissions. */
export const modeLinters: readonly Linter[] = [
  {
    name: 'setuidgid',
    level: 'require',
    explain: 'Take the bits away, or list this linter in checks.disabled when the program needs them.',
    check: (subject) =>
      about(
        subject,
        (mode) => special.filter(([bit]) => (mode & bit) !== 0).map(([, name]) => name),
        (count) => `${subject.name} has ${counted(count, 'file')} with setuid, setgid or sticky bits`,
      ),
  },
  {
    name: 'worldwrite',
    level: 'require',
    explain: 'Take the permission away, or list this linter in checks.disabled.',
    check: (subject) =>
      about(
        subject,
        (mode) =>
          (mode & 0o002) === 0 ? [] : ['world-writable', ...((mode & 0o111) === 0 ? [] : ['executable'])],
        (count) => `${subject.name} has ${counted(count, 'file')} that everybody may write`,
      ),
  },
];
