import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { buildPackage, type BuiltPackages } from '../harness/build-package.ts';
import { melange2 } from '../harness/melange2.ts';
import { packageFiles, sampleFile } from '../harness/sample-file.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

test('a daemon that is not there ends with what was tried, and exit code 3', async () => {
  const dir = testFolder();
  const file = sampleFile(dir, '  - runs: "true"\n');
  const address = `unix://${dir}/none.sock`;
  const { code, stderr } = await buildPackage({ file, apkCache, address, world, dir });
  expect(code).toBe(3);
  expect(stderr).toContain(address);
  expect(stderr).toContain('there is no such socket');
});

test('an environment that cannot be had ends with the places of what is missing', async () => {
  const dir = testFolder();
  const file = sampleFile(dir, '  - uses: meson/configure\n');
  const text = readFileSync(file, 'utf8');
  const [address = ''] = daemons.map(([, at]) => at);
  const options = { file, apkCache, address, world, dir };
  writeFileSync(file, text.replace('[busybox]', '[busyboks, "make>99"]'));
  const missing = await buildPackage(options);
  expect(missing.code).toBe(1);
  expect(missing.stderr).toMatch(/sample\.yaml:8:16: error SOLVER_NAME_UNKNOWN: .*busyboks/);
  expect(missing.stderr).toMatch(/sample\.yaml:8:26: error SOLVER_VERSION_UNKNOWN: .*make>99/);
  expect(missing.stderr).toMatch(/sample\.yaml:10:5: error SOLVER_NAME_UNKNOWN: .*meson/);
  expect(missing.stderr).toContain('--repository-append');

  writeFileSync(file, text.replace('contents:', 'contents:\n    repositories: ["http://127.0.0.1:9/os"]'));
  const closed = await buildPackage(options);
  expect(closed.code).toBe(1);
  expect(closed.stderr).toMatch(/sample\.yaml:8:20: error ENVIRONMENT_DOWNLOAD_FAILED: .*ECONNREFUSED/);
  expect(closed.stderr).toContain('curl -I http://127.0.0.1:9/os');
});

test('all problems of a build file are reported together, sorted by place, with exit code 2', async () => {
  const dir = testFolder();
  const file = sampleFile(
    dir,
    `  - uses: fetsh
  - runs: echo \${{vars.nothing}}
  - if: \${{package.name} == 'x'
    runs: echo one
  - runs: if true; then
`,
  );
  const { code, stderr } = await melange2(['build', file], {
    cwd: dir,
    env: { BUILDKIT_HOST: `unix://${dir}/none.sock` },
  });
  expect(code).toBe(2);
  const problems = [...stderr.matchAll(/sample\.yaml:(\d+):\d+: error (\w+)/g)].map((m) => `${m[1]} ${m[2]}`);
  expect(problems).toEqual([
    '10 PIPELINE_UNKNOWN',
    '11 PIPELINE_VARIABLE_UNKNOWN',
    '12 CONFIG_CONDITION_INVALID',
    '14 PIPELINE_SHELL_INVALID',
  ]);
});

describe.each(daemons)('on BuildKit %s', (_, address) => {
  test('a failing step ends with its place, its last lines, the log and its exit code', async () => {
    const dir = testFolder();
    const file = sampleFile(
      dir,
      `  - name: First
    runs: echo fine
  - name: Second
    runs: |
      echo before
      echo trouble >&2
      exit 7
`,
    );
    const { code, stderr } = await buildPackage({ file, apkCache, address, world, dir });
    expect(code).toBe(1);
    expect(stderr).toMatch(/sample\.yaml:1[1-6]:\d+/);
    expect(stderr).toContain('Second');
    expect(stderr).toMatch(/exit code 7/);
    expect(stderr).toContain('trouble');
    const log = /\S+\.log/.exec(stderr)?.[0] ?? '';
    expect(readFileSync(log, 'utf8')).toContain('trouble');
    expect(packageFiles(dir)).toEqual([]);
  });

  test('an interrupt ends the build with nothing half-written and exit code 130', async () => {
    const dir = testFolder();
    const file = sampleFile(dir, `  - runs: |\n      echo STARTED ${Date.now()}\n      sleep 300\n`);
    const stop = new AbortController();
    const { code } = await buildPackage({
      apkCache,
      file,
      address,
      world,
      dir,
      signal: stop.signal,
      onStderr: (text) => {
        if (/\| STARTED/.test(text)) stop.abort();
      },
    });
    expect(code).toBe(130);
    expect(packageFiles(dir)).toEqual([]);
  });

  test('a source whose checksum differs is refused', async () => {
    const dir = testFolder();
    const digest = 'f0e8bb1f9b7eb0b01285495a2699df3a4b766784c1765a8f1aeedf63c0806369';
    const sources = join(dir, 'sources');
    mkdirSync(sources);
    writeFileSync(join(sources, `sha256:${digest}`), 'something else');
    const file = sampleFile(
      dir,
      `  - uses: fetch
    with:
      uri: https://example.invalid/zip30.tar.gz
      expected-sha256: ${digest}
`,
    );
    const { code, stderr } = await buildPackage({
      file,
      apkCache,
      address,
      world: { ...world, sources },
      dir,
    });
    const found = createHash('sha256').update('something else').digest('hex');
    expect(code).toBe(1);
    expect(stderr).toMatch(/sample\.yaml:13:\d+: error BUILD_SOURCE_DIFFERS/);
    expect(stderr).toContain(`zip30.tar.gz, which sample is built from, has another sha256`);
    expect(stderr).toContain(`expected ${digest}, found ${found}.`);
    expect(packageFiles(dir)).toEqual([]);
  });

  test('a download that fails on the daemon is left to the step, which tries again', async () => {
    const dir = testFolder();
    const sources = join(dir, 'sources');
    const content = `made by the test ${randomUUID()}`;
    const digest = createHash('sha256').update(content).digest('hex');
    let asked = 0;
    const server = createServer((request, response) => {
      if (request.url === '/gone') response.writeHead(404).end();
      else if (++asked < 4) response.writeHead(503).end();
      else response.end(content);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => void server.close());
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const fetch = (path: string): string =>
      `  - uses: fetch\n    with: {uri: "${at}${path}", expected-sha256: "${digest}", extract: false}\n`;
    const build = (path: string, name: string): Promise<BuiltPackages> => {
      mkdirSync(join(dir, name));
      const file = sampleFile(join(dir, name), `${fetch(path)}  - runs: cp file \${{targets.destdir}}/\n`);
      const args = ['--network', 'host'];
      return buildPackage({ file, apkCache, address, world: { ...world, sources }, dir, args });
    };
    const built = await build('/file', 'good');
    expect(built, built.stderr).toMatchObject({ code: 0 });
    expect(built.stderr).toContain('The step tries it now.');
    // What it got is kept by its checksum.
    expect(readFileSync(join(sources, `sha256:${digest}`), 'utf8')).toBe(content);
    rmSync(sources, { recursive: true });
    const gone = await build('/gone', 'gone');
    expect(gone.stderr).toMatch(/sample\.yaml:10:\d+: error BUILD_STEP_FAILED/);
    expect(gone.stderr).toContain('ERROR 404');
    expect(gone.code).toBe(1);
  });

  test('a download whose checksum differs is refused, and not kept', async () => {
    const dir = testFolder();
    const sources = join(dir, 'sources');
    mkdirSync(sources);
    const server = createServer((_request, response) => response.end('something else'));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => void server.close());
    const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/some.tar.gz`;
    const digest = 'f0e8bb1f9b7eb0b01285495a2699df3a4b766784c1765a8f1aeedf63c0806369';
    const file = sampleFile(
      dir,
      `  - uses: fetch\n    with:\n      expected-sha256: ${digest}\n      uri: ${uri}\n`,
    );
    const built = await buildPackage({ file, apkCache, address, world: { ...world, sources }, dir });
    const found = createHash('sha256').update('something else').digest('hex');
    expect(built.code).toBe(1);
    expect(built.stderr).toMatch(/sample\.yaml:12:\d+: error BUILD_SOURCE_DIFFERS/);
    expect(built.stderr).toContain(`${uri}, which sample is built from, has another sha256`);
    expect(built.stderr).toContain(`expected ${digest}, found ${found}.`);
    expect([...packageFiles(dir), ...readdirSync(sources)]).toEqual([]);
  });
});
