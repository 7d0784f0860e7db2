import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesSource, openPackage } from '@melange2/apk';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { melange2 } from '../harness/melange2.ts';
import { packageFiles } from '../harness/package-files.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons')).filter(([age]) => age !== '0.13');
const world = inject('world');
const apkCache = inject('apkCache');
const other = world.arch === 'x86_64' ? 'aarch64' : 'x86_64';

/** A build file that says something in every block. */
const buildFile = `package:
  name: effects
  version: \${{vars.version}}
  epoch: 4
  description: What \${{package.name}} says
  url: https://example.org/\${{package.version}}
  annotations: {org.example.of: "\${{package.name}}"}
  target-architecture: [x86_64, aarch64]
  copyright:
    - {paths: ["*"], attestation: By me, license: MIT}
    - {license: My Own, license-path: OWN.txt}
  dependencies:
    runtime: ["busybox>=\${{vars.major}}"]
    provides: ["effects-of=\${{package.full-version}}"]
    replaces: ["effects-\${{vars.mangled}}"]
    provider-priority: 7
    replaces-priority: 8
  options: {no-commands: true}
  scriptlets:
    trigger: {script: "#!/bin/sh\\necho triggered\\n", paths: [/usr/share/effects]}
    pre-install: "#!/bin/sh\\necho pre \${{package.name}}\\n"
    post-deinstall: "#!/bin/sh\\necho gone\\n"
  checks: {disabled: [usrlocal, empty]}
  cpe: {part: o, vendor: example, product: effects}
vars: {version: 1.2.3, major: "0", said: file}
var-transforms:
  - {from: "\${{package.version}}", match: '^(?P<a>\\d+)\\.(\\d+).*$', replace: '\${a}_$2', to: mangled}
options:
  extra: {vars: {said: option}, environment: {contents: {packages: {add: [coreutils], remove: [make]}}}}
environment:
  contents:
    packages: [busybox, make, ca-certificates-bundle]
    runtime_repositories: [https://apk.example.org]
    runtime_keyring: [{name: example.rsa.pub, content: a key}]
  certificates: {additional: [{name: ours, content: an authority}]}
  environment: {FROM_FILE: file}
  accounts:
    groups: [{groupname: staff, gid: 50, members: [build]}]
    users: [{username: helper, uid: 1500, gid: 50}]
  paths:
    - {path: /opt/made, type: directory, uid: 1000, gid: 1000, permissions: 0o750}
    - {path: /opt/link, type: symlink, source: /opt/made}
    - {path: /opt/empty, type: empty-file, permissions: 0o600, uid: 1500}
data:
  - {name: langs, items: {de: German, fr: French}}
pipeline:
  - name: Tell
    environment: {FROM_STEP: step}
    runs: |
      mkdir -p \${{targets.destdir}}/usr/bin \${{targets.destdir}}/usr/local/x
      cp /usr/bin/busybox \${{targets.destdir}}/usr/bin/effects
      echo own >OWN.txt; cp OWN.txt \${{targets.destdir}}/usr/local/x/
      {
        id
        id helper
        stat -c '%n %F %a %u:%g' /opt/made /opt/empty
        readlink /opt/link
        tail -n 1 $SSL_CERT_FILE /etc/apk/repositories /etc/apk/keys/example.rsa.pub | cat
        env | grep -E '^(FROM_|HOME|GOPATH|GOMODCACHE|UV_|PIP_|COMPOSER_|npm_|SOURCE_DATE)' | sort
        echo \${{build.arch}} \${{build.goarch}} \${{host.triplet.gnu}} \${{vars.said}} \${{vars.mangled}} \${{options.extra.enabled}}
        echo \${{targets.contextdir}} \${{targets.package.effects-de}} \${{context.name}}
        test -e /usr/bin/make && echo make || echo no make
      } >\${{targets.destdir}}/usr/facts
subpackages:
  - name: effects-\${{range.key}}
    range: langs
    description: \${{range.value}}
    annotations: {of: "\${{range.key}}"}
    setcap: [{path: /usr/said, add: {cap_net_raw: ep}, reason: to ping}]
    options: {no-provides: true}
    pipeline:
      - runs: mkdir -p \${{targets.subpkgdir}}/usr; echo \${{subpkg.name}} \${{range.value}} >\${{targets.contextdir}}/usr/said
    test:
      environment: {contents: {packages: [busybox]}}
      pipeline:
        - runs: grep \${{range.value}} /usr/said
  - name: effects-never
    if: \${{build.arch}} == '${other}'
    pipeline: [{runs: exit 1}]
  - name: effects-here
    if: \${{build.arch}} == '${world.arch}' && (\${{options.extra.enabled}} == 'true')
    pipeline:
      - runs: mkdir -p \${{targets.contextdir}}/usr/x
test:
  environment: {contents: {packages: [busybox]}}
  pipeline: [{runs: grep -q made /usr/facts}]
`;

describe.skipIf(daemons.length === 0).each(daemons)('on BuildKit %s', (_, address) => {
  test('what a build file says is in the steps, in the packages, and in their tests', async () => {
    const dir = testFolder();
    mkdirSync(join(dir, 'source'));
    const git = (...args: readonly string[]): string =>
      execFileSync('git', ['-C', join(dir, 'source'), '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
        encoding: 'utf8',
      }).trim();
    const file = join(dir, 'source/effects.yaml');
    writeFileSync(file, buildFile);
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'one');
    writeFileSync(join(dir, 'one.env'), 'FROM_ONE=1\nFROM_BOTH=one\nFROM_FILE=env\n');
    writeFileSync(join(dir, 'two.env'), 'FROM_BOTH=two\nFROM_TWO="a b"\n');
    const args = ['--build-option', 'extra', '--env-file', 'one.env', '--env-file', 'two.env'];
    const built = await buildPackage({
      file,
      apkCache,
      address,
      world,
      dir,
      args: [...args, '--empty-workspace'],
    });
    expect(built, built.stderr).toMatchObject({ code: 0 });
    expect(Object.keys(built.digests)).toEqual([
      'APKINDEX.tar.gz',
      'effects-1.2.3-r4.apk',
      'effects-de-1.2.3-r4.apk',
      'effects-fr-1.2.3-r4.apk',
      'effects-here-1.2.3-r4.apk',
    ]);
    const path = (name: string): string => join(built.repository, world.arch, `${name}-1.2.3-r4.apk`);
    const files = await packageFiles(path('effects'));
    const arch =
      world.arch === 'x86_64' ? ['x86_64 amd64', 'x86_64-pc'] : ['aarch64 arm64', 'aarch64-unknown'];
    expect(files['usr/facts']?.split('\n')).toEqual([
      'uid=1000(build) gid=1000(build) groups=1000(build)',
      'uid=1500(helper) gid=50(staff) groups=50(staff)',
      '/opt/made directory 750 1000:1000',
      '/opt/empty regular empty file 600 1500:0',
      '/opt/made',
      '==> /etc/ssl/certs/ca-certificates.crt <==',
      'an authority',
      '',
      '==> /etc/apk/repositories <==',
      'https://apk.example.org',
      '',
      '==> /etc/apk/keys/example.rsa.pub <==',
      'a keyCOMPOSER_CACHE_DIR=/var/cache/melange/composer',
      'FROM_BOTH=one',
      'FROM_FILE=file',
      'FROM_ONE=1',
      'FROM_STEP=step',
      'FROM_TWO=a b',
      'GOMODCACHE=/var/cache/melange/gomodcache',
      'GOPATH=/home/build/.cache/go',
      'HOME=/home/build',
      'PIP_CACHE_DIR=/var/cache/melange/pip',
      'SOURCE_DATE_EPOCH=315532800',
      'UV_CACHE_DIR=/var/cache/melange/uv',
      'npm_config_cache=/var/cache/melange/npm',
      `${arch[0]} ${arch[1]}-linux-gnu option 1_2 true`,
      '/home/build/melange-out/effects /home/build/melange-out/effects-de effects',
      'no make',
      '',
    ]);
    const sbom = JSON.parse(files['var/lib/db/sbom/effects-1.2.3-r4.spdx.json'] ?? '') as {
      packages: {
        name: string;
        licenseDeclared?: string;
        copyrightText?: string;
        externalRefs?: { referenceLocator: string }[];
      }[];
      hasExtractedLicensingInfos?: { licenseId: string; extractedText: string }[];
    };
    const main = sbom.packages.find(({ name }) => name === 'effects');
    expect(main).toMatchObject({
      licenseDeclared: 'MIT AND LicenseRef-My-Own',
      copyrightText: expect.stringContaining('By me'),
    });
    expect(JSON.stringify(main?.externalRefs)).toContain('cpe:2.3:o:example:effects:1.2.3:');
    expect(sbom.hasExtractedLicensingInfos).toEqual([
      expect.objectContaining({ licenseId: 'LicenseRef-My-Own', extractedText: 'own\n' }),
    ]);
    const opened = async (name: string) => openPackage(bytesSource(readFileSync(path(name))), { file: name });
    const { info, controlFiles } = await opened('effects');
    expect(info).toMatchObject({
      description: 'What effects says',
      url: 'https://example.org/1.2.3',
      licenses: ['MIT', 'My Own'],
      provides: ['effects-of=1.2.3-r4'],
      replaces: ['effects-1_2'],
      triggers: ['/usr/share/effects'],
      commit: git('rev-parse', 'HEAD'),
      providerPriority: 7,
      replacesPriority: 8,
    });
    expect(info.depends).toContain('busybox>=0');
    const scripts = controlFiles.filter(({ name }) => name !== '.PKGINFO' && name !== '.melange.yaml');
    expect(
      Object.fromEntries(scripts.map(({ name, bytes }) => [name, Buffer.from(bytes).toString()])),
    ).toEqual({
      '.trigger': '#!/bin/sh\necho triggered\n',
      '.pre-install': '#!/bin/sh\necho pre effects\n',
      '.post-deinstall': '#!/bin/sh\necho gone\n',
    });
    expect((await opened('effects-de')).info).toMatchObject({
      version: '1.2.3-r4',
      description: 'German',
      licenses: ['MIT', 'My Own'],
      origin: 'effects',
      commit: git('rev-parse', 'HEAD'),
    });
    const tested = await melange2(
      [
        'test',
        file,
        '--arch',
        world.arch,
        '--repository-append',
        built.repository,
        '--repository-append',
        world.repository,
        '--keyring-append',
        world.keyring,
        '--ignore-signatures',
        '--apk-cache-dir',
        apkCache,
      ],
      {
        cwd: dir,
        env: {
          BUILDKIT_HOST: address,
          XDG_CACHE_HOME: join(dir, 'cache'),
          XDG_STATE_HOME: join(dir, 'state'),
        },
      },
    );
    expect(tested.stdout, tested.stderr).toBe(
      ['effects', 'effects-de', 'effects-fr'].map((name) => `ok ${name} (${world.arch})\n`).join(''),
    );
    const skipped = await melange2(['build', file, '--arch', 'riscv64'], {
      cwd: dir,
      env: { BUILDKIT_HOST: address },
    });
    expect(skipped, skipped.stderr).toMatchObject({ code: 0 });
    expect(skipped.stderr).toContain('nothing to build');
  });

  test('a path that cannot be made is told', async () => {
    const dir = testFolder();
    const file = join(dir, 'sample.yaml');
    const path = '{path: /bin/sh, type: symlink, source: busybox}';
    writeFileSync(
      file,
      `package: {name: sample, version: 1.0.0, epoch: 0}\nenvironment: {contents: {packages: [busybox]}, paths: [${path}]}\npipeline: [{runs: echo ran}]\n`,
    );
    const { code, stderr } = await buildPackage({ file, apkCache, address, world, dir });
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('environment.paths: /bin/sh is there already');
    expect(stderr).toContain('error BUILD_SOLVE_FAILED: BuildKit could not build sample');
  });
});
