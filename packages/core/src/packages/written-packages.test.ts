import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitPackage } from '@melange2/packager';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import { samplePackage } from '@melange2/plugin-api/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkFileLicenses } from '../build-file/check-file-licenses.ts';
import { scanPackages } from './scan-packages.ts';
import { type LintedFile, lintFiles, type LintRequest } from './lint-files.ts';

const zlib = `This software is provided 'as-is', without any express or implied warranty. In no event will the authors be held
liable for any damages arising from the use of this software. Permission is granted to anyone to use this software for any
purpose, including commercial applications, and to alter it and redistribute it freely, subject to the following restrictions:
1. The origin of this software must not be misrepresented; you must not claim that you wrote the original software. If you use
this software in a product, an acknowledgment in the product documentation would be appreciated but is not required.
2. Altered source versions must be plainly marked as such, and must not be misrepresented as being the original software.
3. This notice may not be removed or altered from any source distribution.
`;

let folder: string;
let apk: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'written-'));
  const sample = samplePackage({
    'opt/thing': 'x',
    'usr/bin/tool': { content: 'x', mode: 0o4755 },
    'usr/share/licenses/tool/LICENSE': zlib,
    'usr/share/licenses/tool/our-license-notes.txt': 'nothing known',
  });
  const buildFile = `package:
  name: sample
  checks: { disabled: [setuidgid, no-such-linter] }
  copyright: [{ license: MIT }]
test:
  pipeline: [{ uses: test/ldd-check }]
`;
  ({ path: apk } = await emitPackage(
    { ...sample, recipe: { ...sample.recipe, licenses: ['MIT'] } },
    { outDir: folder, sourceDateEpoch: 0, buildFile },
  ));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const host = (): { env: Record<string, string>; cwd: string; now: () => number; version: string } => ({
  env: { MELANGE2_CACHE: join(folder, 'cache') },
  cwd: folder,
  now: () => 0,
  version: '1.0.0',
});
const signal = new AbortController().signal;

function lint(
  request: Partial<LintRequest>,
  plugins: readonly Plugin[] = [],
): Promise<readonly LintedFile[]> {
  const whole = { files: [apk], outDir: join(folder, 'out'), persistLintResults: false, ...request };
  return lintFiles(whole, { plugins, host: host(), signal });
}

const summary = (linted: readonly LintedFile[]): unknown[] =>
  linted.map(({ package: name, problems }) => [
    name,
    ...problems.map((p) => `${p.severity} ${/^\[[^\]]+\]/.exec(p.message)?.[0] ?? p.code}`),
  ]);

test('a written package is linted by its own build file, and its findings are kept', async () => {
  expect(summary(await lint({ persistLintResults: true }))).toEqual([
    ['sample-1.0.0-r0', 'warning [opt]', 'warning [setuidgid]'],
  ]);
  const kept = readFileSync(join(folder, 'out/x86_64/lint-sample-1.0.0-r0.json'), 'utf8');
  expect(JSON.parse(kept)).toMatchObject({ package_name: 'sample-1.0.0-r0', findings: { opt: [{}] } });
  expect(summary(await lint({ lintRequire: ['opt'], lintWarn: [] }))).toEqual([
    ['sample-1.0.0-r0', 'warning [setuidgid]', 'error [opt]'],
  ]);
});

test('a package that cannot be read is a problem of its own, an unknown linter is refused', async () => {
  expect(summary(await lint({ files: [join(folder, 'gone.apk'), apk] }))).toEqual([
    [undefined, 'error FILE_UNREADABLE'],
    ['sample-1.0.0-r0', 'warning [opt]', 'warning [setuidgid]'],
  ]);
  await expect(lint({ lintWarn: ['op'] })).rejects.toMatchObject({ code: 'LINT_UNKNOWN' });
});

test('plugins that check packages are asked too', async () => {
  const plugin: Plugin = {
    name: 'policy',
    apiVersion: API_VERSION,
    apply: ({ hooks }) =>
      hooks.checkPackage.tap('policy', (pkg, report) => {
        report.report({ code: 'ACME_SAYS', severity: 'error', message: `no ${pkg.recipe.licenses.join()}` });
      }),
  };
  expect(summary(await lint({ lintWarn: [] }, [plugin]))).toEqual([
    ['sample-1.0.0-r0', 'error ACME_SAYS', 'warning [setuidgid]'],
  ]);
});

test('a package is taken by its URL', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/sample.apk') response.end(readFileSync(apk));
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(summary(await lint({ files: [`${url}/sample.apk`, `${url}/gone.apk`] }))).toEqual([
    ['sample-1.0.0-r0', 'warning [opt]', 'warning [setuidgid]'],
    [undefined, 'error FILE_UNREADABLE'],
  ]);
  server.close();
});

test('licences are told of packages, build files with their sources, and folders', async () => {
  const licenses = async (file: string, sourceDir?: string): Promise<unknown[]> => {
    const request = { file, ...(sourceDir === undefined ? {} : { sourceDir }) };
    const { detected, problems } = await checkFileLicenses(request, host(), signal);
    return [
      detected.map(({ path, licenses: found }) => `${path} ${found.map((l) => l.id).join()}`),
      problems?.map(({ code, span }) => `${span?.start.line ?? '-'} ${code}`),
    ];
  };
  expect(await licenses(apk)).toEqual([
    ['usr/share/licenses/tool/LICENSE Zlib', 'usr/share/licenses/tool/our-license-notes.txt '],
    ['- LICENSE_NOT_DECLARED'],
  ]);
  mkdirSync(join(folder, 'source/node_modules/x'), { recursive: true });
  writeFileSync(join(folder, 'source/COPYING'), zlib);
  writeFileSync(join(folder, 'source/node_modules/x/LICENSE'), zlib);
  writeFileSync(
    join(folder, 'sample.yaml'),
    'package:\n  name: sample\n  version: 1\n  epoch: 0\n  copyright:\n    - license: MIT\n      license-path: COPYING\n',
  );
  expect(await licenses('source')).toEqual([['COPYING Zlib'], undefined]);
  expect(await licenses('sample.yaml', 'source')).toEqual([['COPYING Zlib'], ['6 LICENSE_DIFFERS']]);
});

test('a scan finds in written packages what today’s rules find, and plugins with them', async () => {
  const sample = samplePackage({ 'usr/bin/greet': { content: '#!/usr/bin/perl\n', mode: 0o755 } }, 'greet');
  await emitPackage(sample, { outDir: join(folder, 'packages'), sourceDateEpoch: 0 });
  writeFileSync(
    join(folder, 'greet.yaml'),
    'package: {name: greet, version: 1.0.0, epoch: 0, description: A sample}\npipeline: [{runs: "true"}]\n',
  );
  const rule: Plugin = {
    name: 'rule',
    apiVersion: API_VERSION,
    apply: ({ hooks }) =>
      hooks.modifyPackage.tap('rule', (pkg) => ({
        ...pkg,
        found: { ...pkg.found, depends: [...pkg.found.depends, 'found-by-plugin'] },
      })),
  };
  const request = {
    file: 'greet.yaml',
    architecture: 'x86_64',
    repository: 'packages',
    namespace: 'unknown',
    pipelineDirs: [],
    buildOptions: [],
    envFiles: [],
    libc: 'gnu',
  } as const;
  const { packages, missing } = await scanPackages(request, { plugins: [rule], host: host(), signal });
  expect(missing).toEqual([]);
  const lines = (text: string | undefined): string[] =>
    (text ?? '').split('\n').filter((line) => /^(depend|provides|size|datahash) /.test(line));
  const kept = lines(packages[0]?.written);
  expect(kept.filter((line) => line.startsWith('depend '))).toEqual([]);
  expect(lines(packages[0]?.found)).toEqual([
    ...kept.filter((line) => line.startsWith('size ')),
    'depend = cmd:perl',
    'depend = found-by-plugin',
    'provides = cmd:greet=1.0.0-r0',
    ...kept.filter((line) => line.startsWith('datahash ')),
  ]);
  const gone = scanPackages({ ...request, repository: 'nowhere' }, { plugins: [], host: host(), signal });
  await expect(gone).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
});
