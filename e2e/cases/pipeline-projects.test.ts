import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { builtinCatalogue } from '@melange2/pipeline';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { packageFiles } from '../harness/package-files.ts';
import { testFolder } from '../harness/test-folder.ts';
import { toolchains, toolchainsTimeoutMs } from '../harness/toolchains.ts';
import type { World } from '../world/make-world.ts';

const world = inject('world');
const apkCache = inject('apkCache');
const daemons = Object.entries(inject('daemons')).filter(([age]) => age !== '0.13');

/** Built-in pipelines that no project below runs: what they run is in no package of Debian 12. */
const stubbedOnly: Readonly<Record<string, string>> = {
  'go/bump': 'gobump is not in Debian',
  'go/covdata': 'go 1.19 has no covdata',
  'maven/pombump': 'pombump is not in Debian',
  'xcover/profile': 'xcover is not in Debian',
  'xcover/status': 'xcover is not in Debian',
  'xcover/stop': 'xcover is not in Debian',
  'xcover/wait': 'xcover is not in Debian',
};
const onOldest: ReadonlySet<string> = new Set(['autoconf, with libraries to split', 'perl', 'git-am']);
/** Run on real repositories and servers in their own tests. */
const elsewhere = ['fetch', 'git-checkout'];

interface Project {
  /** Packages of the environment, besides what the pipelines need. */
  readonly packages?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  /** The text of `pipeline:`. */
  readonly pipeline: string;
  /** The texts of the pipelines of subpackages, by name. */
  readonly subpackages?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Files and links that must be in the packages, `package: path`, and those that must not with a `!` before. */
  readonly has: readonly string[];
  /** What the build prints. */
  readonly says?: readonly RegExp[];
}

const hello = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n';
/** A step that runs a program of the package in the environment of the build. */
const runs = (command: string): string => `  - runs: ${command} | tee /dev/stderr | grep -q hello\n`;
const destdir = '${{targets.destdir}}';

const projects: Readonly<Record<string, Project>> = {
  'autoconf, with libraries to split': {
    packages: ['build-base'],
    files: {
      'configure.ac': `AC_INIT([greet],[1.2])
AM_INIT_AUTOMAKE([foreign subdir-objects])
AC_PROG_CC
AM_PROG_AR
LT_INIT
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
`,
      'Makefile.am': `lib_LTLIBRARIES = libgreet.la
libgreet_la_SOURCES = greet.c
libgreet_la_LDFLAGS = -version-info 1:0:0
include_HEADERS = greet.h
bin_PROGRAMS = greet
greet_SOURCES = main.c
greet_LDADD = libgreet.la
man1_MANS = greet.1
greetinfo_DATA = greet.info
greetinfodir = $(datadir)/info
localesdir = $(datadir)/locale/de/LC_MESSAGES
locales_DATA = greet.mo
extrabin_PROGRAMS = greet-extra
extrabindir = $(bindir)
greet_extra_SOURCES = main.c
greet_extra_LDADD = libgreet.la
docs_DATA = README
docsdir = $(datadir)/doc/greet
`,
      'greet.c': '#include <stdio.h>\n#include "greet.h"\nvoid greet(void) { puts("hello"); }\n',
      'greet.h': 'void greet(void);\n',
      'main.c': '#include "greet.h"\nint main(void) { greet(); return 0; }\n',
      'greet.1': '.TH GREET 1\n',
      'greet.info': 'info\n',
      'greet.mo': 'mo\n',
      README: 'read me\n',
      'one.patch': '--- a/README\n+++ b/README\n@@ -1 +1 @@\n-read me\n+read me first\n',
    },
    pipeline: `  - uses: patch
    with: {patches: one.patch}
  - uses: autoconf/configure
    with: {opts: --enable-static}
  - uses: autoconf/make
  - uses: autoconf/make-install
  - uses: strip
`,
    subpackages: {
      'sample-bin':
        '      - uses: split/bin\n      - runs: mkdir -p ${{targets.destdir}}/usr/bin; mv ${{targets.contextdir}}/usr/bin/greet ${{targets.destdir}}/usr/bin/\n',
      'sample-static': '      - uses: split/static\n',
      'sample-dev': '      - uses: split/dev\n',
      'sample-libs': '      - uses: split/lib\n        with: {patterns: greet}\n',
      'sample-dbg': '      - uses: split/debug\n        with: {package: sample-libs}\n',
      'sample-info': '      - uses: split/infodir\n',
      'sample-lang': '      - uses: split/locales\n',
      'sample-man': '      - uses: split/manpages\n',
      'sample-doc': '      - uses: split/alldocs\n',
    },
    has: [
      'sample: usr/bin/greet',
      '!sample: usr/lib/libgreet.la',
      'sample-bin: usr/bin/greet-extra',
      'sample-static: usr/lib/libgreet.a',
      'sample-dev: usr/include/greet.h',
      'sample-dev: usr/lib/libgreet.so',
      'sample-libs: usr/lib/libgreet.so.1',
      'sample-libs: usr/lib/libgreet.so.1.0.0',
      'sample-dbg: usr/lib/debug/usr/lib/libgreet.so.1.0.0.debug',
      'sample-info: usr/share/info/greet.info',
      'sample-lang: usr/share/locale/de/LC_MESSAGES/greet.mo',
      'sample-man: usr/share/man/man1/greet.1',
      'sample-doc: usr/share/doc/greet/README',
    ],
  },
  cmake: {
    packages: ['build-base'],
    files: {
      'hello.c': hello,
      'CMakeLists.txt': `cmake_minimum_required(VERSION 3.13)
project(hello C)
include(GNUInstallDirs)
add_executable(hello hello.c)
install(TARGETS hello)
install(FILES hello.c DESTINATION \${CMAKE_INSTALL_LIBDIR}/\${WHERE})
`,
    },
    pipeline: `  - uses: cmake/configure
    with: {opts: -DWHERE=there}
  - uses: cmake/build
  - uses: cmake/install
${runs(`${destdir}/usr/bin/hello`)}`,
    has: ['sample: usr/bin/hello', 'sample: usr/lib/there/hello.c'],
  },
  meson: {
    packages: ['build-base', 'ninja'],
    files: {
      'hello.c': hello,
      'meson.build': "project('hello', 'c')\nexecutable('hello', 'hello.c', install: true)\n",
    },
    pipeline: `  - uses: meson/configure
  - uses: meson/compile
  - uses: meson/install
${runs(`${destdir}/usr/bin/hello`)}`,
    has: ['sample: usr/bin/hello'],
  },
  perl: {
    packages: ['build-base', 'perl-dev'],
    files: {
      'Makefile.PL': "use ExtUtils::MakeMaker;\nWriteMakefile(NAME => 'Hello', VERSION => '1');\n",
      'lib/Hello.pm': 'package Hello;\n$VERSION = 1;\nsub hi { "hello" }\n1;\n',
      'Hello.xs':
        '#include "EXTERN.h"\n#include "perl.h"\n#include "XSUB.h"\nMODULE = Hello PACKAGE = Hello\nint\nanswer()\n CODE:\n  RETVAL = 42;\n OUTPUT: RETVAL\n',
    },
    pipeline: `  - uses: perl/make
  - uses: autoconf/make
  - uses: autoconf/make-install
  - uses: perl/cleanup
`,
    has: [
      'sample: usr/share/perl5/Hello.pm|usr/lib/x86_64-linux-gnu/perl5/5.36/Hello.pm',
      '!sample: usr/lib/x86_64-linux-gnu/perl5/5.36/auto/Hello/.packlist',
      'sample: usr/lib/x86_64-linux-gnu/perl5/5.36/auto/Hello/Hello.so',
    ],
  },
  go: {
    environment: { GOFLAGS: '-mod=mod', GOPROXY: 'off', GONOSUMDB: '*', GONOSUMCHECK: '1' },
    packages: ['git'],
    files: {
      'go.mod': 'module example.org/sample\n\ngo 1.18\n',
      'main.go': 'package main\n\nvar version = "none"\n\nfunc main() { println("hello", version) }\n',
      'cmd/two/main.go': 'package main\n\nfunc main() { println("hello two") }\n',
    },
    pipeline: `  - uses: go/build
    with: {packages: ., output: one, ldflags: -X main.version=1.2}
  - uses: go/install
    with: {package: ./cmd/two}
  - uses: go/build/v2
    with: {packages: ./cmd/two, output: three}
  - runs: |
      ${destdir}/usr/bin/one 2>&1 | grep 'hello 1.2'
      ${destdir}/usr/bin/two 2>&1 | grep 'hello two'
      if grep -c /home/build ${destdir}/usr/bin/one; then exit 1; fi
`,
    has: ['sample: usr/bin/one', 'sample: usr/bin/two', 'sample: usr/bin/three'],
  },
  cargo: {
    files: {
      'Cargo.toml': '[package]\nname = "hello"\nversion = "1.0.0"\nedition = "2021"\n',
      'Cargo.lock': 'version = 3\n\n[[package]]\nname = "hello"\nversion = "1.0.0"\n',
      'src/main.rs': 'fn main() { println!("hello"); }\n',
    },
    environment: { CARGO_NET_OFFLINE: 'true' },
    pipeline: `  - uses: cargo/build
    with: {output: hello, opts: --release --locked}
${runs(`${destdir}/usr/bin/hello`)}`,
    has: ['sample: usr/bin/hello'],
  },
  'a python wheel, and a package of the old kind': {
    packages: ['py3-setuptools', 'python3-setuptools-whl', 'python3-wheel-whl'],
    environment: { PIP_NO_INDEX: '1', PIP_FIND_LINKS: '/usr/share/python-wheels' },
    files: {
      'pyproject.toml':
        '[build-system]\nrequires = ["setuptools", "wheel"]\nbuild-backend = "setuptools.build_meta"\n[project]\nname = "greet"\nversion = "1.0"\n[tool.setuptools]\npackages = ["greet"]\n[project.scripts]\ngreet = "greet:main"\n',
      'greet/__init__.py': 'def main():\n    print("hello")\n',
      'old/setup.py':
        'from setuptools import setup\nsetup(name="older", version="1.0", py_modules=["older"])\n',
      'old/older.py': 'WORD = "hello"\n',
    },
    pipeline: `  - uses: python/build-wheel
  - working-directory: old
    pipeline:
      - uses: python/build
      - uses: python/install
  - runs: |
      for d in ${destdir}/usr/local/lib/python3.11/dist-packages ${destdir}/usr/lib/python3/dist-packages; do
        [ -d "$d" ] && cp -R "$d"/. /tmp/modules/ || { mkdir -p /tmp/modules; [ -d "$d" ] && cp -R "$d"/. /tmp/modules/ || :; }
      done
  - environment: {PYTHONPATH: /tmp/modules}
    pipeline:
      - uses: python/import
        with: {python: python3, imports: "import greet  # the wheel\\nfrom older import WORD"}
      - uses: python/test
        with: {command: python3 -c 'import greet; greet.main()'}
`,
    has: ['sample: usr/local/bin/greet|usr/bin/greet'],
    says: [/PASS\[python3\]: import greet/, /PASS\[python3\]: from older import WORD/, /\| hello/],
  },
  ruby: {
    packages: ['ruby'],
    files: {
      'hi.gemspec':
        'Gem::Specification.new do |s|\n  s.name = "hi"\n  s.version = "1.0"\n  s.summary = "Hi"\n  s.authors = ["Me"]\n  s.files = ["lib/hi.rb"]\n  s.bindir = "exe"\n  s.executables = ["hi"]\n  s.files << "exe/hi"\n  s.signing_key = "/nowhere.pem"\nend\n',
      'lib/hi.rb': 'HI = "hello"\n',
      'exe/hi': '#!/usr/bin/env ruby\nrequire "hi"\nputs HI\n',
    },
    pipeline: `  - uses: ruby/build
    with: {gem: hi}
  - uses: ruby/install
    with: {gem: hi, version: "1.0"}
  - uses: ruby/clean
  - runs: GEM_PATH=${destdir}/var/lib/gems/3.1.0 ruby ${destdir}/usr/bin/hi | grep hello
`,
    has: [
      'sample: var/lib/gems/3.1.0/gems/hi-1.0/lib/hi.rb',
      'sample: usr/bin/hi',
      '!sample: var/lib/gems/3.1.0/cache/hi-1.0.gem',
    ],
  },
  R: {
    files: {
      'greet/DESCRIPTION':
        'Package: greet\nVersion: 1.0\nTitle: Greets\nDescription: Greets.\nAuthor: Me\nMaintainer: Me <me@example.org>\nLicense: MIT\n',
      'greet/NAMESPACE': 'export(greet)\n',
      'greet/R/greet.R': 'greet <- function() cat("hello\\n")\n',
    },
    pipeline: `  - uses: R/build
    with: {package: greet, version: "1.0", path: greet}
${runs(`R_LIBS=${destdir}/usr/lib/R/library Rscript -e 'greet::greet()'`)}`,
    has: ['sample: usr/lib/R/library/greet/DESCRIPTION'],
  },
  'php: an extension': {
    packages: ['php8.2-dev', 'build-base', 'libtool', 'autotools-dev'],
    files: {
      'config.m4':
        'PHP_ARG_ENABLE([hi], [whether to enable hi], [--enable-hi], [yes])\nPHP_NEW_EXTENSION(hi, hi.c, $ext_shared)\n',
      'hi.c': `#include "php.h"
PHP_FUNCTION(hi) { php_printf("hello\\n"); }
ZEND_BEGIN_ARG_INFO(arginfo_hi, 0)
ZEND_END_ARG_INFO()
static const zend_function_entry functions[] = { PHP_FE(hi, arginfo_hi) PHP_FE_END };
zend_module_entry hi_module_entry = { STANDARD_MODULE_HEADER, "hi", functions, NULL, NULL, NULL, NULL, NULL, "1", STANDARD_MODULE_PROPERTIES };
ZEND_GET_MODULE(hi)
`,
    },
    pipeline: `  - uses: pecl/phpize
  - uses: autoconf/make
  - uses: pecl/install
    with: {extension: hi}
${runs(`php -n -d extension=/home/build/modules/hi.so -r 'hi();'`)}`,
    has: ['sample: etc/php/conf.d/hi.ini', 'sample: usr/lib/php/20220829/hi.so'],
  },
  'clang: how much of a program ran': {
    packages: ['clang-14', 'libc6-dev', 'binutils', 'gcc', 'libclang-rt-14-dev'],
    files: { 'hello.c': hello },
    pipeline: `  - runs: |
      clang -fprofile-instr-generate -fcoverage-mapping hello.c -o hello
      LLVM_PROFILE_FILE=default_1.profraw ./hello
  - uses: llvm/covreport
    with: {package: llvm-14, object: ./hello}
  - runs: mkdir -p ${destdir}/usr/share; touch ${destdir}/usr/share/x
`,
    has: ['sample: usr/share/x'],
    says: [/Statements coverage: 100\.00%/],
  },
  'coverage that xcover has found': {
    files: { 'xcover-report.json': '{"cov_by_func": 63.5}\n' },
    packages: ['jq'],
    pipeline: `  - uses: xcover/ensure
    with: {package: jq, min-coverage: "60"}
  - runs: mkdir -p ${destdir}/usr/share; touch ${destdir}/usr/share/x
`,
    has: ['sample: usr/share/x'],
    says: [/coverage: 63\.5%/],
  },
  'maven: the mirror': {
    files: {},
    pipeline: `  - uses: maven/configure-mirror
  - runs: grep -q '<mirrorOf>central</mirrorOf>' ~/.m2/settings.xml; mkdir -p ${destdir}/usr/share; touch ${destdir}/usr/share/x
`,
    has: ['sample: usr/share/x'],
  },
  'git-am': {
    packages: ['git'],
    files: {
      'one.patch': `From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001
From: Me <me@example.org>
Date: Thu, 1 Jan 2026 00:00:00 +0000
Subject: [PATCH] Say hello

---
 said | 1 +
 1 file changed, 1 insertion(+)
 create mode 100644 said

diff --git a/said b/said
new file mode 100644
index 0000000..ce01362
--- /dev/null
+++ b/said
@@ -0,0 +1 @@
+hello
-- 
2.39.5

`,
    },
    pipeline: `  - runs: |
      git init -q .; git config user.name Me; git config user.email me@example.org
      git commit -q --allow-empty -m first
  - uses: git-am
    with: {patches: one.patch}
  - runs: git log --format=%s | grep 'Say hello'; mkdir -p ${destdir}/usr/share; cp said ${destdir}/usr/share/
`,
    has: ['sample: usr/share/said'],
  },
};

/** All built-in pipelines that a text uses. */
function usesOf(text: string): readonly string[] {
  return [...text.matchAll(/uses: (\S+)/g)].map(([, name = '']) => name);
}

test('every built-in pipeline is run on a real project, or said not to be', () => {
  const run = Object.values(projects).flatMap(({ pipeline, subpackages = {} }) =>
    [pipeline, ...Object.values(subpackages)].flatMap(usesOf),
  );
  const covered = new Set([...run, 'npm/install', ...elsewhere, ...Object.keys(stubbedOnly)]);
  expect(builtinCatalogue.names().filter((name) => !covered.has(name))).toEqual([]);
  expect(Object.keys(stubbedOnly).filter((name) => run.includes(name))).toEqual([]);
});

describe.skipIf(daemons.length === 0).each(daemons)('real projects on BuildKit %s', (age, address) => {
  let tools: World;
  beforeAll(async () => {
    tools = await toolchains();
  }, toolchainsTimeoutMs);

  async function build(project: Project): Promise<void> {
    const dir = testFolder();
    const source = join(dir, 'source');
    for (const [path, text] of Object.entries(project.files)) {
      mkdirSync(dirname(join(source, path)), { recursive: true });
      writeFileSync(join(source, path), text);
    }
    mkdirSync(source, { recursive: true });
    const file = join(dir, 'sample.yaml');
    const list = (texts: readonly string[]): string => JSON.stringify(texts);
    const subpackages = Object.entries(project.subpackages ?? {});
    writeFileSync(
      file,
      `package: {name: sample, version: 1.0.0, epoch: 0, description: A project}
environment:
  contents:
    packages: ${list(['busybox', ...(project.packages ?? [])])}
  environment: ${JSON.stringify(project.environment ?? {})}
pipeline:
${project.pipeline}${subpackages.length === 0 ? '' : 'subpackages:\n'}${subpackages.map(([name, pipeline]) => `  - name: ${name}\n    pipeline:\n${pipeline}`).join('')}`,
    );
    const built = await buildPackage({
      file,
      address,
      world,
      dir,
      apkCache,
      args: ['--repository-append', tools.repository, '--source-dir', source, ...(project.args ?? [])],
    });
    expect(built, built.stderr).toMatchObject({ code: 0 });
    for (const pattern of project.says ?? []) expect(built.stderr).toMatch(pattern);
    for (const wish of project.has) {
      const [, not, name = '', paths = ''] = /^(!?)(\S+): (.*)$/.exec(wish) ?? [];
      const files = await packageFiles(join(built.repository, world.arch, `${name}-1.0.0-r0.apk`));
      const found = paths.split('|').some((path) => path in files);
      expect(found, `${wish} in ${Object.keys(files).join(' ')}`).toBe(not === '');
    }
  }

  // All of them on new daemons. What old ones do otherwise, environments and exports, these have all of.
  const wanted = Object.entries(projects).filter(([name]) => age !== '0.8' || onOldest.has(name));
  test.each(wanted)('%s', (_, project) => build(project));

  describe('npm', () => {
    let folder: string;
    let server: Server;
    let registry: string;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'melange2-npm-'));
      server = await startNpmRegistry(folder, {
        greet: {
          'package.json':
            '{"name":"greet","version":"1.0.0","bin":{"greet":"cli.js"},"dependencies":{"word":"^1.0.0"}}',
          'cli.js': '#!/usr/bin/env node\nconsole.log(require("word"));\n',
        },
        word: {
          'package.json': '{"name":"word","version":"1.0.0"}',
          'index.js': 'module.exports = "hello";\n',
        },
      });
      registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      server.close();
      server.closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    });

    test.each([
      ['', 'sample: usr/lib/node_modules/greet/node_modules/word/index.js'],
      [', overrides: "word@1.0.0"', 'sample: usr/lib/node_modules/word/index.js'],
    ])('installs a package with what it depends on from a registry%s', (more, wish) =>
      build({
        environment: { npm_config_registry: registry },
        files: {},
        pipeline: `  - uses: npm/install
    with: {package: greet, version: 1.0.0${more}}
${runs(`node ${destdir}/usr/lib/node_modules/greet/cli.js`)}`,
        args: ['--network', 'host'],
        has: ['sample: usr/bin/greet', wish],
      }),
    );
  });
});

/** Serves packages as a registry of npm does, each in one version. */
async function startNpmRegistry(
  folder: string,
  packages: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<Server> {
  const server = createServer((request, response) => {
    const name = /^\/([a-z]+)(\.tgz)?$/.exec(request.url ?? '');
    const [, key = '', isTarball] = name ?? [];
    if (packages[key] === undefined) return void response.writeHead(404).end();
    const tarball = readFileSync(join(folder, `${key}.tgz`));
    if (isTarball !== undefined) return void response.end(tarball);
    const manifest = JSON.parse(packages[key]['package.json'] ?? '') as { readonly version: string };
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    const dist = { tarball: `http://${request.headers.host}/${key}.tgz`, integrity };
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        name: key,
        'dist-tags': { latest: manifest.version },
        versions: { [manifest.version]: { ...manifest, dist } },
      }),
    );
  });
  for (const [name, files] of Object.entries(packages)) {
    const dir = join(folder, name, 'package');
    mkdirSync(dir, { recursive: true });
    for (const [path, text] of Object.entries(files)) writeFileSync(join(dir, path), text);
    execFileSync('tar', ['-czf', join(folder, `${name}.tgz`), '-C', join(folder, name), 'package']);
  }
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}
