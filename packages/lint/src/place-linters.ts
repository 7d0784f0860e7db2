import { aboutPaths, filesOf, pathsOf, type Linter, type LintSubject } from './linter.ts';

const compat = ({ name }: LintSubject): boolean => name.endsWith('-compat');

/** Nothing may lie in a place that belongs to somebody else. */
function below(
  name: string,
  level: Linter['level'],
  folder: string,
  explain: string,
  exempt: (subject: LintSubject) => boolean = () => false,
): Linter {
  return {
    name,
    level,
    explain,
    check: (subject) =>
      exempt(subject)
        ? []
        : aboutPaths(
            pathsOf(subject, (path) => path.startsWith(folder)),
            `${subject.name} has files in /${folder.replace(/\/$/, '')}`,
          ),
  };
}

/** Linters about where files lie. */
export const placeLinters: readonly Linter[] = [
  below('dev', 'require', 'dev/', 'Let udev make device nodes, and remove the files.'),
  below('opt', 'warn', 'opt/', 'Files there belong into a package whose name ends in -compat.', compat),
  below('srv', 'warn', 'srv/', 'Files there belong into a package whose name ends in -compat.', compat),
  below('usrlocal', 'warn', 'usr/local/', 'Install to /usr, or name the package -compat.', compat),
  below('varempty', 'require', 'var/empty/', 'The folder must stay empty: remove the files.'),
  {
    name: 'sbom',
    level: 'warn',
    explain: 'The description of the package is written for it: remove files of another kind.',
    check: (subject) =>
      aboutPaths(
        pathsOf(subject, (path) => /^var\/lib\/db\/sbom\/[^/]*$/.test(path) && !path.endsWith('.spdx.json')),
        `${subject.name} has files of its own in /var/lib/db/sbom`,
      ),
  },
  {
    name: 'tempdir',
    level: 'require',
    explain:
      'Remove what was left behind. A folder below /run is made at start by a file in /usr/lib/tmpfiles.d.',
    check: (subject) => {
      const { entries } = subject.tree;
      const made = entries.some((e) => e.header.name.startsWith('usr/lib/tmpfiles.d/'));
      const paths = entries
        .filter(({ header: { name, type } }) => {
          if (name.startsWith('var/run/')) return true;
          if (type === 'directory') return name.startsWith('run/') && !made;
          return ['tmp/', 'var/tmp/', 'run/'].some((folder) => name.startsWith(folder));
        })
        .map((e) => e.header.name);
      return aboutPaths(paths, `${subject.name} has files in a folder for temporary files`);
    },
  },
  {
    name: 'infodir',
    level: 'require',
    explain: 'The list of info pages belongs to the system: use the pipeline split/infodir.',
    check: (subject) =>
      aboutPaths(
        pathsOf(subject, (path) => /^usr\/share\/info\/dir(\/|$)/.test(path)),
        `${subject.name} brings its own /usr/share/info/dir`,
      ),
  },
  {
    name: 'usrmerge',
    level: 'require',
    explain: 'Programs go to /usr/bin, libraries to /usr/lib.',
    check: (subject) => {
      const paths = subject.tree.entries
        .map((e) => e.header.name)
        .filter((path) => /^(sbin|bin|usr\/sbin|lib|lib64)(\/|$)/.test(path));
      return aboutPaths(paths, `${subject.name} has paths outside of the merged /usr`);
    },
  },
  {
    name: 'empty',
    level: 'ignore',
    explain: 'See whether the package is meant to be empty; if it is, set no-provides.',
    check: (subject) =>
      filesOf(subject).some((e) => !e.header.name.startsWith('var/lib/db/sbom/'))
        ? []
        : [{ message: `${subject.name} is empty, and no-provides is not set` }],
  },
];
