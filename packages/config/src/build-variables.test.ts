import { expect, test } from 'vitest';
import { buildVariables, parseConfig, type PackageConfig } from './index.ts';

function read(text: string): PackageConfig {
  const { value } = parseConfig(`package:\n  name: foo\n  version: 1.2.3\n  epoch: 4\n${text}`, 'a.yaml');
  if (value === undefined) throw new Error('not read');
  return value;
}

test('pipelines see the package, the target and the options, subpackages their own names over it', () => {
  const config = read('options: {o: {}}\nsubpackages:\n  - name: foo-doc\n');
  const { main, subpackage } = buildVariables(config, { arch: 'arm64', libc: 'musl', options: ['z'] });
  const names = [
    'package.full-version',
    'build.arch',
    'build.goarch',
    'host.triplet.gnu',
    'targets.contextdir',
  ];
  expect(names.map((name) => main.get(name))).toEqual([
    '1.2.3-r4',
    'aarch64',
    'arm64',
    'aarch64-unknown-linux-musl',
    '/home/build/melange-out/foo',
  ]);
  expect(['options.o.enabled', 'options.z.enabled', 'subpkg.name'].map((name) => main.get(name))).toEqual([
    'false',
    'true',
    undefined,
  ]);
  const own = subpackage('foo-doc');
  expect([own.get('targets.contextdir'), own.get('build.arch')]).toEqual([
    '/home/build/melange-out/foo-doc',
    'aarch64',
  ]);
});

test('vars and transforms are resolved with what is known at build time', () => {
  const config = read(
    'vars: {dir: "${{targets.destdir}}/x", bad: "${{nope}}"}\nvar-transforms:\n  - {from: "${{package.version}}", match: "^(\\\\d+).*", replace: $1, to: major}\n',
  );
  const { main, problems } = buildVariables(config, { arch: 'x86_64', libc: 'gnu' });
  expect([main.get('vars.dir'), main.get('vars.major')]).toEqual(['/home/build/melange-out/foo/x', '1']);
  expect(problems.map(({ kind, path }) => [kind, ...path])).toEqual([['reference', 'vars', 'bad']]);
});
