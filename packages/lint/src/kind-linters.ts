import { aboutPaths, counted, extensionOf, pathsOf, type Linter, type LintSubject } from './linter.ts';

const documentation = /(?:READ(?:\.?ME)?|TODO|CREDITS|\.(?:md|docx?|rst|[0-9][a-z]))$/;
const packed = String.raw`(?:\.(?:gz|bz2|xz|lzma|Z))?`;
const manual = String.raw`(?:\/man[0-9][^/]*)?(?:\/[^/]+\.[0-9][^/]*${packed})?$`;
const manuals = new RegExp(String.raw`^usr\/(?:local\/)?share\/man${manual}|^usr\/man${manual}`);
const infoPages = new RegExp(
  String.raw`^usr\/(?:local\/)?share\/info\/(?:dir|[^/]+\.info(?:-[0-9]+)?${packed})$`,
);
const cuda = /^usr\/lib\/lib(cuda|nvidia-ml)\.so(\.[0-9]+)*$/;
const sharedObject = /\.so(?:\.[0-9]+)*$/;

const named =
  (...ends: readonly string[]) =>
  ({ name }: LintSubject): boolean =>
    ends.some((end) => name.endsWith(end));

interface Kind {
  readonly name: string;
  readonly level: Linter['level'];
  readonly explain: string;
  readonly picks: (path: string) => boolean;
  readonly says: (subject: LintSubject, count: number) => string;
  readonly exempt?: (subject: LintSubject) => boolean;
}

function kind({ name, level, explain, picks, says, exempt }: Kind): Linter {
  return {
    name,
    level,
    explain,
    check: (subject) => {
      if (exempt?.(subject) === true) return [];
      const paths = pathsOf(subject, picks);
      return aboutPaths(paths, says(subject, paths.length));
    },
  };
}

const extension =
  (wanted: string) =>
  (path: string): boolean =>
    extensionOf(path) === wanted;

/** Linters about what kind of file lies in a package that is not meant for it. */
export const kindLinters: readonly Linter[] = [
  kind({
    name: 'documentation',
    level: 'ignore',
    explain: 'Put documentation into a package whose name ends in -doc, or remove it.',
    picks: (path) => documentation.test(path),
    says: ({ name }, count) => `${name} is no -doc package and has ${counted(count, 'documentation file')}`,
    exempt: named('-doc'),
  }),
  kind({
    name: 'maninfo',
    level: 'warn',
    explain: 'Put manuals into a package whose name ends in -doc: use the pipeline split/manpages.',
    picks: (path) => manuals.test(path) || infoPages.test(path),
    says: ({ name }, count) => `${name} is no -doc package and has ${counted(count, 'manual or info page')}`,
    exempt: named('-doc'),
  }),
  kind({
    name: 'object',
    level: 'warn',
    explain: 'Object files are left over from compiling: remove them.',
    picks: extension('.o'),
    says: ({ name }, count) => `${name} has ${counted(count, 'object file')}`,
  }),
  kind({
    name: 'cudaruntimelib',
    level: 'warn',
    explain:
      'These libraries come from the driver of the host, and a copy breaks it. To link against them, use a package with stubs.',
    picks: (path) => cuda.test(path),
    says: ({ name }) => `${name} has libraries that belong to the CUDA driver`,
  }),
  kind({
    name: 'dll',
    level: 'warn',
    explain: 'Libraries of Windows are of no use here: remove them.',
    picks: extension('.dll'),
    says: ({ name }, count) => `${name} has ${counted(count, 'library', 'libraries')} of Windows`,
    exempt: named('-dev'),
  }),
  kind({
    name: 'dylib',
    level: 'warn',
    explain: 'Libraries of macOS are of no use here: remove them.',
    picks: extension('.dylib'),
    says: ({ name }, count) => `${name} has ${counted(count, 'library', 'libraries')} of macOS`,
    exempt: named('-dev'),
  }),
  kind({
    name: 'staticarchive',
    level: 'warn',
    explain: 'Static archives make a package large: put them into a -dev or -static package, or remove them.',
    picks: extension('.a'),
    says: ({ name }, count) => `${name} has ${counted(count, 'static archive')}`,
    exempt: named('-dev', '-static'),
  }),
  kind({
    name: 'libtool/la-files',
    level: 'require',
    explain:
      'Archives of libtool do harm to those who link: remove them, or list this linter in checks.disabled.',
    picks: extension('.la'),
    says: ({ name }, count) => `${name} has ${counted(count, 'libtool archive')} (.la)`,
  }),
  untested('pkgconf', 'test/pkgconf', ['test/pkgconf'], 'pkg-config files', (path) =>
    /^usr\/(lib|share)\/pkgconfig\//.test(path),
  ),
  untested(
    'lddcheck',
    'test/ldd-check',
    ['test/ldd-check', 'test/tw/ldd-check'],
    'shared libraries',
    (path) => sharedObject.test(path),
  ),
];

/** Files of a kind for which there is a ready-made test, and the package does not use it. */
function untested(
  name: string,
  pipeline: string,
  pipelines: readonly string[],
  what: string,
  picks: (path: string) => boolean,
): Linter {
  return {
    name,
    level: 'warn',
    explain: `Add "uses: ${pipeline}" to the test of the package.`,
    check: (subject) => {
      if (subject.testPipelines?.some((used) => pipelines.includes(used)) === true) return [];
      const why =
        subject.testPipelines === undefined ? 'it is not known how it is tested' : `no test uses ${pipeline}`;
      return aboutPaths(pathsOf(subject, picks), `${subject.name} has ${what}, and ${why}`);
    },
  };
}
