import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { buildPackage, type BuiltPackages } from '../harness/build-package.ts';
import { packageFiles, sampleFile } from '../harness/sample-file.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

describe.each(daemons)('on BuildKit %s', (_, address) => {
  test('a download that fails is told at its place where the step has no network to try it', async () => {
    const dir = testFolder();
    const sources = join(dir, 'sources');
    mkdirSync(sources);
    const digest = createHash('sha256').update(randomUUID()).digest('hex');
    const server = createServer((_request, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => void server.close());
    const build = (name: string, uri: string): Promise<BuiltPackages> => {
      mkdirSync(join(dir, name));
      const file = sampleFile(
        join(dir, name),
        `  - uses: fetch\n    with:\n      expected-sha256: ${digest}\n      uri: ${uri}\n`,
      );
      const args = ['--network', 'none'];
      return buildPackage({ file, apkCache, address, world: { ...world, sources }, dir, args });
    };
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const gone = await build('gone', `${at}/gone.tar.gz`);
    expect(gone.code).toBe(1);
    expect(gone.stderr).toMatch(/sample\.yaml:13:\d+: error BUILD_DOWNLOAD_FAILED/);
    expect(gone.stderr).toContain(`could not download ${at}/gone.tar.gz, which sample is built from`);
    const refused = await build('refused', 'http://127.0.0.1:1/refused.tar.gz');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/sample\.yaml:13:\d+: error BUILD_DOWNLOAD_FAILED/);
    expect(refused.stderr).toContain('connection refused');
    expect([...packageFiles(dir), ...readdirSync(sources)]).toEqual([]);
  });

  test('a package that no repository has ends the build before a step runs', async () => {
    const dir = testFolder();
    const file = sampleFile(dir, '  - runs: echo ran\n');
    writeFileSync(file, readFileSync(file, 'utf8').replace('[busybox]', '[busybox, not-there]'));
    const { code, stderr } = await buildPackage({ file, apkCache, address, world, dir });
    expect(code).toBe(1);
    expect(stderr).toContain('error SOLVER_NAME_UNKNOWN: No package is called "not-there"');
    // The title of BUILD_ENVIRONMENT_UNSOLVABLE is not shown where its reasons are.
    expect(stderr).toContain('The environment of sample for');
    expect(stderr).not.toContain('plan:');
  });
});
