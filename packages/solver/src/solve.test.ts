import { expect, test } from 'vitest';
import { prepareRepositories, type SolverPackage, type SolverRepository } from './prepare-repositories.ts';
import { solve } from './solve.ts';

function packages(...lines: readonly string[]): SolverPackage[] {
  return lines.map((line) => {
    const [name = '', version = '', ...rest] = line.split(' ');
    const list = (mark: string): string[] =>
      rest.filter((w) => w.startsWith(mark)).map((w) => w.slice(mark.length));
    return {
      name,
      version,
      depends: list('D:'),
      provides: list('p:'),
      installIf: list('i:'),
      arch: list('A:')[0],
    };
  });
}

function install(world: string, ...repositories: readonly SolverRepository[]): string[] | string {
  const { value, diagnostics } = solve({
    world: world.split(' '),
    repositories: prepareRepositories(repositories),
    arch: 'x86_64',
  });
  return (
    value?.packages.map((p) => `${p.package.name}-${p.package.version}`) ??
    diagnostics.map((d) => d.message).join('\n')
  );
}

test('dependencies come first, and the reasons say who wanted what', () => {
  const repositories = prepareRepositories([
    { packages: packages('app 1.0-r0 D:so:libz.so.1 D:zlib', 'zlib 1.3-r2 p:so:libz.so.1=1.3-r2') },
  ]);
  const { value } = solve({ world: ['app', 'zlib>1'], repositories });
  expect(value?.packages.map((p) => ({ name: p.package.name, reasons: p.reasons }))).toEqual([
    {
      name: 'zlib',
      reasons: [
        { kind: 'world', entry: 'zlib>1' },
        { kind: 'dependency', package: 'app-1.0-r0', constraint: 'so:libz.so.1' },
        { kind: 'dependency', package: 'app-1.0-r0', constraint: 'zlib' },
      ],
    },
    { name: 'app', reasons: [{ kind: 'world', entry: 'app' }] },
  ]);
});

test('the order of the world and of the records does not matter', () => {
  const records = packages('a 1 D:v', 'b 1 D:c<2', 'c 1', 'c 2', 'd 1 p:v', 'e 1 p:v D:c');
  const answer = install('a b', { packages: records });
  expect(install('b a', { packages: records.toReversed() })).toEqual(answer);
  expect(answer).toEqual(
    ['d-1', 'a-1', 'c-1', 'b-1'].toSorted((x, y) => answer.indexOf(x) - answer.indexOf(y)),
  );
});

test('a later bound makes an earlier wish step back to an older version', () => {
  const records = packages('foo 1.9-r0', 'foo 2.0-r0', 'zapp 1-r0 D:foo<2');
  expect(install('foo zapp', { packages: records })).toEqual(['foo-1.9-r0', 'zapp-1-r0']);
});

test('a package for another architecture is not taken', () => {
  expect(install('foo', { packages: packages('foo 2 A:aarch64', 'foo 1 A:noarch') })).toEqual(['foo-1']);
});

test('an installation rule is followed, with what it needs, unless that cannot be installed', () => {
  const doc = 'main-doc 1 i:main=1 i:docs D:man';
  expect(install('main docs', { packages: packages('main 1', 'docs 1', 'man 1', doc) })).toEqual([
    'docs-1',
    'main-1',
    'man-1',
    'main-doc-1',
  ]);
  expect(install('main docs', { packages: packages('main 1', 'docs 1', doc) })).toEqual(['docs-1', 'main-1']);
});

test('a problem has the place of the entry that leads to it', () => {
  const places = new Map(
    ['top', 'nope@edge', '=1'].map((entry, i) => {
      const start = { line: i + 1, column: 1, offset: i };
      return [entry, { file: 'a.yaml', start, end: start }];
    }),
  );
  const problems = (...world: readonly string[]): unknown =>
    solve({
      world,
      repositories: prepareRepositories([{ packages: packages('app 1-r0 D:libfo', 'top 1-r0 D:app') }]),
      placeOf: (entry) => places.get(entry),
    }).diagnostics.map(({ code, span }) => [code, span?.start.line]);
  expect(problems('top', 'nope@edge', 'other')).toEqual([
    ['SOLVER_NAME_UNKNOWN', 2],
    ['SOLVER_NAME_UNKNOWN', undefined],
    ['SOLVER_NAME_UNKNOWN', 1],
  ]);
  expect(problems('=1')).toEqual([['SOLVER_WORLD_INVALID', 3]]);
});

test('an unknown name is reported with who wants it and what is near', () => {
  const records = packages('app 1-r0 D:libfo', 'libfoo 1-r0', 'top 1-r0 D:app');
  const { diagnostics } = solve({
    world: ['top', 'nope'],
    repositories: prepareRepositories([{ packages: records }]),
  });
  expect(diagnostics.map((d) => [d.code, d.message, d.hint])).toEqual([
    [
      'SOLVER_NAME_UNKNOWN',
      'No package is called "nope" or provides it. It is in the list of wanted packages.',
      'Check the spelling, and that the repository that has it is among the repositories.',
    ],
    [
      'SOLVER_NAME_UNKNOWN',
      'No package is called "libfo" or provides it. app-1-r0 needs it (wanted through top → top-1-r0 → app-1-r0).',
      'Did you mean "libfoo"?',
    ],
  ]);
});

test('a command that is taken for a package leads to its package', () => {
  const repositories = prepareRepositories([{ packages: packages('coreutils 9-r0 p:cmd:install=9-r0') }]);
  expect(solve({ world: ['install'], repositories }).diagnostics[0]?.hint).toBe(
    'The command of this name is in the package "coreutils".',
  );
});

test('a version that does not exist is reported with those that do', () => {
  expect(install('foo=9', { packages: packages('foo 1-r0', 'foo 2-r0', 'bar 1-r0 p:foo=3') })).toBe(
    'No package meets "foo=9". It is in the list of wanted packages. The repositories have bar-1-r0 (provides foo=3), foo-2-r0, foo-1-r0.',
  );
});

test('a conflict says for each candidate what excludes it and who wants that', () => {
  const records = packages('a 1-r0 D:foo<2', 'b 1-r0 D:foo>=2', 'foo 1.9-r0', 'foo 2.0-r0');
  expect(install('a b', { packages: records })).toBe(
    [
      'Nothing that meets "b" can be installed. It is in the list of wanted packages.',
      '- b-1-r0 needs "foo>=2", but foo-2.0-r0 is not "foo<2": a-1-r0 needs it (wanted through a → a-1-r0)',
    ].join('\n'),
  );
});

test('a package that is needed and excluded at once, and one behind a tag, are told by their codes', () => {
  const codes = (world: readonly string[], ...repositories: readonly SolverRepository[]): string[] =>
    solve({ world, repositories: prepareRepositories(repositories) }).diagnostics.map((d) => d.code);
  const records = packages('a 1-r0 D:!b', 'b 1-r0');
  expect(codes(['a', 'b'], { packages: records })).toEqual(['SOLVER_CONFLICT']);
  expect(codes(['foo'], { tag: 'edge', packages: packages('foo 2-r0') })).toEqual(['SOLVER_TAG_NEEDED']);
});

test('a package of a tagged repository has to be asked for', () => {
  const tagged = { tag: 'edge', packages: packages('foo 2-r0') };
  expect(install('foo', tagged)).toBe(
    '"foo" is only in the repository tagged @edge, which is used only where it is asked for. It is in the list of wanted packages.',
  );
  expect(install('foo@edge', tagged)).toEqual(['foo-2-r0']);
});

test('what is no constraint is refused by name', () => {
  expect(install('foo==', { packages: [] })).toMatch(/^"foo==" does not name a package\./);
});
