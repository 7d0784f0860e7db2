import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { workspaceArchive } from './workspace-archive.ts';

test('tar reads folders with all bits of their modes, owners and times', () => {
  const long = `home/build/melange-out/${'a'.repeat(90)}/${'b'.repeat(20)}`;
  const archive = workspaceArchive(
    [
      { path: 'tmp', mode: 0o1777, uid: 0, gid: 0 },
      { path: 'home/build', mode: 0o755, uid: 1000, gid: 1000 },
      { path: long, mode: 0o755, uid: 1000, gid: 1000 },
      { path: 'home/build/note', mode: 0o644, uid: 1000, gid: 1000, text: 'hello\n' },
    ],
    86_400,
  );
  const listed = execFileSync('tar', ['-tv', '--numeric-owner', '--utc', '-f', '-'], {
    input: archive,
    encoding: 'utf8',
  });
  expect(listed.replaceAll(/ +/g, ' ').split('\n')).toEqual([
    'drwxrwxrwt 0/0 0 1970-01-02 00:00 tmp/',
    'drwxr-xr-x 1000/1000 0 1970-01-02 00:00 home/build/',
    `drwxr-xr-x 1000/1000 0 1970-01-02 00:00 ${long}/`,
    '-rw-r--r-- 1000/1000 6 1970-01-02 00:00 home/build/note',
    '',
  ]);
});
