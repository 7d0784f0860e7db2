import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runInFolder, type Ran } from './testing/run-in-folder.ts';

let folder: string;
let server: Server;
let address: string;
const tarball = 'the tarball of 2.10';

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'add-edit-'));
  server = createServer((request, response) => {
    response.statusCode = request.url === '/hello-2.10.tar.gz' ? 200 : 404;
    response.end(tarball);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...argv: readonly string[]): Promise<Ran> => runInFolder(folder, ...argv);
const digest = (algorithm: string): string => createHash(algorithm).update(tarball).digest('hex');

function buildFile(): string {
  const text = `package:
  name: hello # kept
  version: "2.9"
  epoch: 1
  copyright: [{license: MIT}]
pipeline:
  - uses: fetch
    with:
      uri: ${address}/hello-\${{package.version}}.tar.gz
      expected-sha256: ${'0'.repeat(64)}
      expected-sha512: '${'0'.repeat(128)}'
  - uses: git-checkout
    with: {repository: "https://example.org/x", tag: "v\${{package.version}}", expected-commit: ${'1'.repeat(40)}}
`;
  writeFileSync(join(folder, 'hello.yaml'), text);
  return text;
}

test('bump changes version, epoch, checksums and commit in place, and no other byte', async () => {
  const text = buildFile();
  const commit = '2'.repeat(40);
  const { code, stderr } = await run('bump', 'hello.yaml', '2.10', '--expected-commit', commit);
  expect(code).toBe(0);
  expect(readFileSync(join(folder, 'hello.yaml'), 'utf8')).toBe(
    text
      .replace('"2.9"', '"2.10"')
      .replace('epoch: 1', 'epoch: 0')
      .replace(`'${'0'.repeat(128)}'`, `'${digest('sha512')}'`)
      .replace('0'.repeat(64), digest('sha256'))
      .replace('1'.repeat(40), commit),
  );
  expect(stderr).toBe(
    `hello.yaml: 2.9-r1 -> 2.10-r0
sha256 ${digest('sha256')} of ${address}/hello-2.10.tar.gz
sha512 ${digest('sha512')} of ${address}/hello-2.10.tar.gz
`,
  );
});

test('bump leaves the file alone when the new version has no source', async () => {
  const text = buildFile();
  await expect(run('bump', 'hello.yaml', '3')).rejects.toMatchObject({
    code: 'BUMP_SOURCE_MISSING',
    message: expect.stringContaining(`${address}/hello-3.tar.gz`),
  });
  expect(readFileSync(join(folder, 'hello.yaml'), 'utf8')).toBe(text);
  await expect(run('bump', 'hello.yaml', '3', '--expected-commit', 'abc')).rejects.toMatchObject({
    code: 'CLI_USAGE',
  });
});

test('bump tells of the commit that stays', async () => {
  buildFile();
  expect((await run('bump', 'hello.yaml', '2.10')).stderr).toMatch(
    /^hello\.yaml:13:\d+: this commit is the one of 2\.9; --expected-commit changes it$/m,
  );
});

test('query prints what the template makes, without a line end of its own', async () => {
  buildFile();
  const { code, stdout } = await run('query', 'hello.yaml', '{{ .Package.Name }}={{ .Package.FullVersion }}');
  expect([code, stdout]).toEqual([0, 'hello=2.9-r1']);
});

test('query shows what is wrong with a template, behind what it printed', async () => {
  buildFile();
  expect(await run('query', 'hello.yaml', 'a {{ .Package.name }}')).toEqual({
    code: 2,
    stdout: 'a ',
    stderr: `template:1:6: error CONFIG_TEMPLATE_FAILED: The template went wrong here: config.Package has no field name; it has Name.
  > 1 | a {{ .Package.name }}
      |      ^
`,
  });
  expect((await run('query', 'hello.yaml', '{{ if }}')).stderr).toContain('CONFIG_TEMPLATE_INVALID');
});

test('package-version prints the full name', async () => {
  buildFile();
  expect(await run('package-version', 'hello.yaml')).toEqual({ code: 0, stdout: 'hello-2.9-r1', stderr: '' });
});
