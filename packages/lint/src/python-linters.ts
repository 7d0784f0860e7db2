import { extensionOf, type Finding, type Linter, type LintSubject } from './linter.ts';

/** One name in the folder of modules. */
interface Installed {
  readonly name: string;
  readonly directory: boolean;
}

/** What lies in the folder of modules; undefined when there is no such folder, a finding when there are several. */
function modulesOf(subject: LintSubject): readonly Installed[] | Finding | undefined {
  const versions = new Set<string>();
  const names = new Map<string, boolean>();
  for (const { header } of subject.tree.entries) {
    const match = /^usr\/lib\/(python3\.[^/]*)(?:\/site-packages\/([^/]+))?/.exec(header.name);
    if (match === null) continue;
    const directory = header.type === 'directory' || match[0] !== header.name;
    if (match[2] === undefined && !directory) continue;
    versions.add(match[1] ?? '');
    if (match[2] !== undefined) names.set(match[2], names.get(match[2]) === true || directory);
  }
  if (versions.size === 0) return undefined;
  if (versions.size > 1) {
    return { message: `${subject.name} has modules for ${versions.size} versions of Python` };
  }
  return [...names].map(([name, directory]) => ({ name, directory }));
}

function about(
  subject: LintSubject,
  check: (installed: readonly Installed[]) => readonly Finding[],
): readonly Finding[] {
  const modules = modulesOf(subject);
  if (modules === undefined) return [];
  return 'message' in modules ? [modules] : check(modules);
}

/** How the file of a module ends: its extension, and the mark of the interpreter that it was compiled for. */
const moduleEnd = /(\.(cpython-|abi3)[^.]*)?\.[^.]+$/;

const beside = ['test', 'tests', 'doc', 'docs'];

/** Linters about Python modules. */
export const pythonLinters: readonly Linter[] = [
  {
    name: 'python/docs',
    level: 'warn',
    explain: 'Documentation is no module: remove the folder.',
    check: (subject) =>
      about(subject, (installed) =>
        installed.some(({ name }) => name === 'doc' || name === 'docs')
          ? [{ message: `${subject.name} installs a folder of documentation as a Python module` }]
          : [],
      ),
  },
  {
    name: 'python/test',
    level: 'warn',
    explain: 'Tests are no module: remove the folder.',
    check: (subject) =>
      about(subject, (installed) =>
        installed.some(({ name }) => name === 'test' || name === 'tests')
          ? [{ message: `${subject.name} installs a folder of tests as a Python module` }]
          : [],
      ),
  },
  {
    name: 'python/multiple',
    level: 'warn',
    explain: 'Split the package, and see whether pip installed what belongs to others.',
    check: (subject) =>
      about(subject, (installed) => {
        const modules = new Set(
          installed
            .filter(({ name }) => !name.startsWith('_') && !beside.includes(name))
            .filter(({ name }) => !['.egg-info', '.dist-info', '.pth'].includes(extensionOf(name)))
            .map(({ name, directory }) => (directory ? name : name.replace(moduleEnd, ''))),
        );
        if (modules.size < 2) return [];
        const packages = [...modules].toSorted().map((name) => `"${name}"`);
        return [
          {
            message: `${subject.name} has ${packages.length} Python modules: ${packages.join(', ')}`,
            details: { count: packages.length, packages },
          },
        ];
      }),
  },
];
