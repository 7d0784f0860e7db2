import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage, type BuiltPackages } from '../harness/build-package.ts';
import { testFolder, testKey } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

const isc = `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is
hereby granted, provided that the above copyright notice and this permission notice appear in all copies.
THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR
CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF
CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`;

function buildFile(more: string = ''): string {
  return `package:
  name: checked
  version: 1.0.0
  epoch: 0
  description: Has something to find
  copyright:
    - license: MIT
      license-path: doc dir/MY[1].txt
    - license: LicenseRef-Own
      license-path: deep/er/terms.txt
    - license: Apache-2.0
      license-path: no/such/file
${more}environment:
  contents:
    packages: [busybox]
pipeline:
  - runs: |
      mkdir -p "doc dir" deep/er third
      cp LICENSE "doc dir/MY[1].txt"
      ln LICENSE third/COPYING
      echo 'own terms' > deep/er/terms.txt
      mkdir -p melange-out/checked/opt melange-out/checked-tools/usr/bin
      touch melange-out/checked/opt/file melange-out/checked-tools/usr/bin/tool
      chmod 4755 melange-out/checked-tools/usr/bin/tool
subpackages:
  - name: checked-tools
    description: Has a setuid program
`;
}

async function build(address: string, text: string, ...args: string[]): Promise<BuiltPackages> {
  const dir = testFolder();
  mkdirSync(join(dir, 'source'));
  const file = join(dir, 'source/checked.yaml');
  writeFileSync(file, text);
  writeFileSync(join(dir, 'source/LICENSE'), isc);
  const key = await testKey(dir);
  return buildPackage({
    file,
    apkCache,
    address,
    world,
    dir,
    key,
    args: ['--source-dir', join(dir, 'source'), ...args],
  });
}

const subpackageAllows = (text: string): string => `${text}    checks:\n      disabled: [setuidgid]\n`;

describe.each(daemons)('on BuildKit %s', (_, address) => {
  test('a finding of a required linter ends the build, with the findings of all packages, and no package is written', async () => {
    const built = await build(
      address,
      buildFile(),
      '--persist-lint-results',
      '--lint-require',
      'setuidgid,opt',
    );
    expect(built.code).toBe(1);
    expect(built.stderr).toContain('[opt] checked has files in /opt: opt/file.');
    expect(built.stderr).toContain(
      '[setuidgid] checked-tools has 1 file with setuid, setgid or sticky bits: usr/bin/tool (4755, setuid).',
    );
    expect(built.stderr).toContain('The packages checked, checked-tools have 2 problems');
    expect(Object.keys(built.digests)).toEqual([
      'lint-checked-1.0.0-r0.json',
      'lint-checked-tools-1.0.0-r0.json',
    ]);
  });

  test('disabled and warning linters are told, kept beside the packages, and change nothing', async () => {
    const built = await build(
      address,
      subpackageAllows(buildFile()),
      '--persist-lint-results',
      '--generate-provenance',
    );
    expect(built, built.stderr).toMatchObject({ code: 0 });
    expect(built.stderr).toContain('warning LINT_FINDING: [setuidgid] checked-tools');
    const folder = join(built.repository, world.arch);
    const kept = JSON.parse(readFileSync(join(folder, 'lint-checked-1.0.0-r0.json'), 'utf8')) as unknown;
    expect(kept).toMatchObject({
      package_name: 'checked-1.0.0-r0',
      findings: { opt: [{ details: { paths: ['opt/file'] } }] },
    });
    const silent = await build(address, subpackageAllows(buildFile()), '--lint-warn=', '--lint-require=');
    expect(silent.stderr).not.toContain('[opt]');
    // Disabled for one package: that stays a warning.
    expect(silent.stderr).toContain('[setuidgid]');
    for (const name of ['checked-1.0.0-r0.apk', 'checked-tools-1.0.0-r0.apk'])
      expect(Object.keys(silent.digests)).toContain(name);
  });

  test('licences in the workspace are held against those of the build file', async () => {
    const { stderr } = await build(address, subpackageAllows(buildFile()));
    expect(stderr).toContain('checked.yaml:6:3: warning LICENSE_NOT_DECLARED: LICENSE holds ISC');
    expect(stderr).toContain(
      'checked.yaml:7:7: warning LICENSE_DIFFERS: doc dir/MY[1].txt is declared to hold MIT, and holds ISC.',
    );
    expect(stderr).not.toContain('LICENSE_UNCLEAR');
  });

  test('an unknown linter is refused before anything is built', async () => {
    const built = await build(address, buildFile(), '--lint-require', 'setuidgit');
    expect(built.code).toBe(2);
    expect(built.stderr).toContain(
      'LINT_UNKNOWN: There is no linter called "setuidgit". Was setuidgid meant?',
    );
    expect(built.stderr).not.toContain('solve');
  });
});

test.skipIf(daemons.length === 0)(
  'each package describes itself, in the same bytes on every daemon, and its provenance is signed',
  async () => {
    const documents: string[] = [];
    for (const [, address] of daemons) {
      const built = await build(
        address,
        subpackageAllows(buildFile()),
        '--generate-provenance',
        '--namespace',
        'wolfi',
        '--license',
        'Apache-2.0',
        '--git-commit',
        'c0ffee',
        '--git-repo-url',
        'https://github.com/example/os',
      );
      expect(built, built.stderr).toMatchObject({ code: 0 });
      const folder = join(built.repository, world.arch);
      const apk = join(folder, 'checked-tools-1.0.0-r0.apk');
      const unpack = (archive: string, path: string): string =>
        execFileSync('tar', ['-xzOf', archive, path], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
      documents.push(
        unpack(join(folder, 'checked-1.0.0-r0.apk'), 'var/lib/db/sbom/checked-1.0.0-r0.spdx.json'),
        unpack(apk, 'var/lib/db/sbom/checked-tools-1.0.0-r0.spdx.json'),
      );
      const attest = join(folder, 'checked-tools-1.0.0-r0.attest.tar.gz');
      expect(
        execFileSync('tar', ['-tzf', attest], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
      ).toBe('.SIGN.RSA256.test.rsa.pub\nchecked-tools-1.0.0-r0.attestation\n');
      const statement = JSON.parse(unpack(attest, 'checked-tools-1.0.0-r0.attestation')) as unknown;
      const sha256 = createHash('sha256').update(readFileSync(apk)).digest('hex');
      expect(statement).toMatchObject({
        predicateType: 'https://slsa.dev/provenance/v1',
        subject: [{ name: 'checked-tools-1.0.0-r0.apk', digest: { sha256 } }],
      });
    }
    expect(new Set(documents).size).toBe(2);
    expect(JSON.parse(documents[0] ?? '')).toMatchObject({
      spdxVersion: 'SPDX-2.3',
      documentDescribes: ['SPDXRef-Package-apk-checked-1.0.0-r0'],
      packages: [
        { primaryPackagePurpose: 'OPERATING-SYSTEM', name: 'wolfi' },
        { name: 'checked', licenseDeclared: 'MIT AND LicenseRef-Own AND Apache-2.0' },
        {
          name: 'checked.yaml',
          licenseDeclared: 'Apache-2.0',
          externalRefs: [{ referenceLocator: 'pkg:github/example/os@c0ffee#checked.yaml' }],
        },
      ],
      hasExtractedLicensingInfos: [{ licenseId: 'LicenseRef-Own', extractedText: 'own terms\n' }],
    });
  },
);
