import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { repositoryRoot } from '../harness/melange2.ts';
import { runInstalled } from '../harness/run-installed.ts';
import { testFolder, testKey } from '../harness/test-folder.ts';

const recipes = join(process.env['MELANGE2_VECTORS'] ?? join(repositoryRoot, '../shared/vectors'), 'recipes');
const daemons = inject('daemons');
const world = inject('world');
const apkCache = inject('apkCache');
const missing = !existsSync(recipes)
  ? `${recipes} is not there`
  : Object.keys(daemons).length === 0
    ? 'there is no daemon'
    : undefined;
if (missing !== undefined) console.log(`recipes are not built: ${missing}`);

interface Recipe {
  readonly packages: readonly string[];
  readonly install: readonly string[];
  readonly script: string;
  readonly says: RegExp;
  readonly sourceDir?: boolean;
}

const compile = (language: string, program: string, text: string, libraries: string): string =>
  `cd /tmp && printf '%s' '${text}' > t.${language} && ${program} t.${language} -o t ${libraries} && ./t`;

const cases: Readonly<Record<string, Recipe>> = {
  zip: {
    packages: ['zip', 'zip-doc'],
    install: ['zip', 'busybox'],
    script: 'zip -v',
    says: /Info-ZIP/,
    sourceDir: true,
  },
  libev: {
    packages: ['libev', 'libev-dev', 'libev-doc'],
    install: ['libev-dev', 'build-base', 'busybox'],
    script: compile(
      'c',
      'gcc',
      '#include <ev.h>\n#include <stdio.h>\nint main(void) { printf("ev %d\\n", ev_version_major()); }',
      '-lev',
    ),
    says: /^ev 4$/m,
    sourceDir: true,
  },
  tinyxml: {
    packages: ['tinyxml', 'tinyxml-dev'],
    install: ['tinyxml-dev', 'build-base', 'busybox'],
    script: compile(
      'cc',
      'g++ -DTIXML_USE_STL',
      '#include <tinyxml.h>\n#include <iostream>\nint main() { TiXmlDocument d; d.Parse("<a/>"); std::cout << d << std::endl; }',
      '-ltinyxml',
    ),
    says: /<a \/>/,
    sourceDir: true,
  },
  libptytty: {
    packages: ['libptytty', 'libptytty-dev', 'libptytty-doc'],
    install: ['libptytty-dev', 'build-base', 'busybox'],
    script: compile(
      'cc',
      'g++',
      '#include <libptytty.h>\n#include <cstdio>\nint main() { ptytty *p = ptytty::create(); std::puts(p ? "made" : "none"); }',
      '-lptytty',
    ),
    says: /^made$/m,
  },
  'perl-json-xs': {
    packages: ['perl-json-xs', 'perl-json-xs-doc'],
    install: ['perl-json-xs', 'perl', 'perl-common-sense', 'perl-types-serialiser', 'busybox'],
    script: `perl -MJSON::XS -e 'print encode_json([1, "two"])'`,
    says: /^\[1,"two"\]/,
  },
};

describe.skipIf(missing !== undefined)('recipes of Wolfi, unmodified', () => {
  // All of them on the newest daemon, the smallest on the oldest too.
  const ages = Object.keys(daemons).toSorted((a, b) => Number(b) - Number(a));
  const builds = [
    ...Object.keys(cases).map((name) => [name, ages[0] ?? ''] as const),
    ...ages
      .slice(1)
      .slice(-1)
      .map((age) => ['zip', age] as const),
  ];

  test.each(builds)('%s builds on BuildKit %s, installs and works', async (name, age) => {
    const address = daemons[age] ?? '';
    const recipe = cases[name]!;
    const dir = testFolder();
    const key = await testKey(dir);
    const built = await buildPackage({
      apkCache,
      file: join(recipes, `${name}.yaml`),
      address,
      world,
      dir,
      key,
      args: [
        '--pipeline-dir',
        join(recipes, 'pipelines'),
        ...(recipe.sourceDir === true ? ['--source-dir', join(recipes, name)] : []),
      ],
    });
    expect(built, built.stderr).toMatchObject({ code: 0 });
    const made = Object.keys(built.digests).filter((file) => file.endsWith('.apk'));
    expect(made.map((file) => file.replace(/-[^-]+-r\d+\.apk$/, ''))).toEqual(recipe.packages);

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
