import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { repositoryRoot } from '../harness/melange2.ts';
import { runInstalled } from '../harness/run-installed.ts';
import { testFolder, testKey } from '../harness/test-folder.ts';
import { toolchains, toolchainsTimeoutMs } from '../harness/toolchains.ts';
import { openAptRoot } from '../world/apt-root.ts';
import { cacheDir } from '../world/cache-dir.ts';
import type { World } from '../world/make-world.ts';
import { moreSourceTarballs } from '../world/pinned-sources.ts';
import { fetchSources } from '../world/source-tarballs.ts';

const vectors = join(process.env['MELANGE2_VECTORS'] ?? join(repositoryRoot, '../shared/vectors'), 'compile');
const world = inject('world');
const apkCache = inject('apkCache');
const daemons = inject('daemons');
const newest = daemons['host'] ?? daemons['0.25'] ?? daemons['0.13'];
const missing = !existsSync(vectors)
  ? `${vectors} is not there`
  : newest === undefined
    ? 'there is no daemon'
    : undefined;
if (missing !== undefined) console.log(`more recipes are not built: ${missing}`);

interface Recipe {
  readonly packages: readonly string[];
  readonly install: readonly string[];
  readonly script: string;
  readonly says: RegExp;
}

/** Compiles and runs a program against what was installed. */
const compile = (compiler: string, language: string, text: string, flags: string): string =>
  `cd /tmp && printf '%s' '${text}' > t.${language} && ${compiler} t.${language} -o t ${flags} && ./t`;

const recipes: Readonly<Record<string, Recipe>> = {
  cppunit: {
    packages: ['cppunit', 'cppunit-dev', 'cppunit-doc'],
    install: ['cppunit-dev', 'build-base', 'busybox'],
    script: compile(
      'g++',
      'cc',
      '#include <cppunit/TestResult.h>\n#include <cstdio>\nint main() { CppUnit::TestResult r; std::puts("made"); }',
      '-lcppunit',
    ),
    says: /^made$/m,
  },
  libjudy: {
    packages: ['libjudy', 'libjudy-dev', 'libjudy-doc'],
    install: ['libjudy-dev', 'build-base', 'busybox'],
    script: compile(
      'gcc',
      'c',
      '#include <Judy.h>\n#include <stdio.h>\nint main(void) { Pvoid_t a = 0; int r; J1S(r, a, 7); printf("set %d\\n", r); return 0; }',
      '-lJudy',
    ),
    says: /^set 1$/m,
  },
  lzo: {
    packages: ['lzo', 'lzo-dev', 'lzo-doc'],
    install: ['lzo-dev', 'build-base', 'busybox'],
    script: compile(
      'gcc',
      'c',
      '#include <lzo/lzoconf.h>\n#include <stdio.h>\nint main(void) { printf("init %d %s\\n", lzo_init(), lzo_version_string()); return 0; }',
      '-llzo2',
    ),
    says: /^init 0 2\.10$/m,
  },
  'perl-file-fcntllock': {
    packages: ['perl-file-fcntllock', 'perl-file-fcntllock-doc'],
    install: ['perl-file-fcntllock', 'perl', 'busybox'],
    script: `perl -MFile::FcntlLock -e 'my $l = File::FcntlLock->new; $l->l_type(1); print "type ", $l->l_type, "\\n"'`,
    says: /^type 1$/m,
  },
  'perl-io-gzip': {
    packages: ['perl-io-gzip', 'perl-io-gzip-doc'],
    install: ['perl-io-gzip', 'perl', 'busybox'],
    script: `echo packed | gzip > /tmp/x && perl -MPerlIO::gzip -e 'open my $f, "<:gzip", "/tmp/x"; print <$f>'`,
    says: /^packed$/m,
  },
  potrace: {
    packages: ['potrace', 'potrace-dev', 'potrace-doc'],
    install: ['potrace', 'busybox'],
    script: `cd /tmp && printf 'P1\\n2 2\\n1 1\\n1 1\\n' > a.pbm && potrace -s a.pbm -o - | head -5`,
    says: /<svg/,
  },
  unzip: {
    packages: ['unzip', 'unzip-doc'],
    install: ['unzip', 'busybox'],
    script: 'unzip -v',
    says: /UnZip 6\.00/,
  },
};

/** The records of a file of the vectors. */
function* records(file: string): Generator<{ readonly file: string; readonly yaml: string }> {
  for (const line of gunzipSync(readFileSync(join(vectors, file)))
    .toString()
    .split('\n')) {
    if (line !== '') yield JSON.parse(line) as { readonly file: string; readonly yaml: string };
  }
}

describe.skipIf(missing !== undefined)('more recipes of Wolfi, unmodified', () => {
  const address = newest ?? '';
  let tools: World;
  const texts = new Map<string, string>();
  beforeAll(async () => {
    tools = await toolchains();
    await fetchSources(() => openAptRoot(cacheDir(), 'bookworm'), moreSourceTarballs, world.sources);
    for (const { file, yaml } of records('wolfi-shared.ndjson.gz')) texts.set(file, yaml);
  }, toolchainsTimeoutMs);

  test.each(Object.entries(recipes))('%s builds, installs and works', async (name, recipe) => {
    const dir = testFolder();
    for (const { file, yaml } of records('wolfi-pipelines.ndjson.gz')) {
      mkdirSync(dirname(join(dir, file)), { recursive: true });
      writeFileSync(join(dir, file), yaml);
    }
    const file = join(dir, 'recipe', `${name}.yaml`);
    mkdirSync(dirname(file));
    writeFileSync(file, texts.get(`${name}.yaml`) ?? '');
    const key = await testKey(dir);
    const built = await buildPackage({
      apkCache,
      file,
      address,
      world,
      dir,
      key,
      args: ['--repository-append', tools.repository, '--pipeline-dir', join(dir, 'pipelines')],
    });
    expect(built, built.stderr).toMatchObject({ code: 0 });
    const made = Object.keys(built.digests).filter((one) => one.endsWith('.apk'));
    expect(made.map((one) => one.replace(/-[^-]+-r\d+\.apk$/, ''))).toEqual(recipe.packages);

    const { output } = await runInstalled({
      address,
      arch: world.arch,
      repositories: [built.repository, world.repository],
      keyring: [`${key}.pub`, world.keyring],
      packages: recipe.install,
      cacheDir: apkCache,
      args: ['/bin/sh', '-c', recipe.script],
    });
    expect(output).toMatch(recipe.says);
  });
});
