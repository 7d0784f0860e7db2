import { expect, test } from 'vitest';
import { parseConfig } from '@melange2/config';
import { formatDefinition, marshal, scratch } from '@melange2/llb';
import { withPaths } from './environment-paths.ts';

function script(paths: string): string {
  const { value } = parseConfig(
    `package: {name: a, version: "1"}\nenvironment: {paths: [${paths}]}\n`,
    'a.yaml',
  );
  const state = withPaths(scratch(), value?.environment.paths ?? []);
  return formatDefinition(marshal(state, { platform: 'linux/amd64' }));
}

test('each kind of path has its command, with mode and owner where they are given', () => {
  const text = script(
    [
      '{path: /a b, type: directory, permissions: 0o750, uid: 5, gid: 6, recursive: true}',
      '{path: c, type: empty-file, permissions: 0o600}',
      '{path: /d, type: hardlink, source: /c}',
      '{path: /e/f, type: symlink, source: ../c}',
      '{path: /c, type: permissions, uid: 7}',
      '{path: /g, type: pipe}',
    ].join(', '),
  );
  for (const line of [
    "mkdir -p '/a b'",
    "find '/a b' ! -type l -exec chmod 750 {} +",
    "find '/a b' ! -type l -exec chown 5:6 {} +",
    "[ -e '/c' ] || : >'/c'",
    "chmod 600 '/c'",
    "ln -f '/c' '/d'",
    "ln -s '../c' '/e/f'",
    "chown 7:0 '/c'",
    'the type "pipe" of /g is none of directory',
  ])
    expect(text).toContain(JSON.stringify(line).slice(1, -1));
});

test('an environment without paths stays what it is', () => {
  const root = scratch();
  expect(withPaths(root, [])).toBe(root);
});
