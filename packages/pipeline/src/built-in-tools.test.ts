import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { builtinCatalogue } from './builtin-catalogue.ts';
import { workbench, type Workbench } from './testing/run-built-in.ts';

const shells = ['/bin/dash', '/bin/bash'].filter((s) => existsSync(s));

interface Script {
  readonly runs?: string;
}

test.each(builtinCatalogue.names())('%s is described, and every shell can read it', (name) => {
  const definition = parse(builtinCatalogue.resolve(name)!.text) as {
    readonly name?: string;
    readonly description?: string;
    readonly inputs?: Record<string, { readonly description?: string; readonly type?: string }>;
    readonly pipeline: readonly Script[];
  };
  expect(definition.name).toMatch(/^[A-Z]/);
  expect(definition.description?.trim()).toMatch(/\.$/);
  for (const input of Object.values(definition.inputs ?? {})) {
    expect(input.description?.trim()).toMatch(/\.$/);
    expect(input.type).toMatch(
      /^(string|boolean|integer|path|list|lines|options|package|uri|sha256|sha512|commit|script)$/,
    );
  }
  for (const { runs = '' } of definition.pipeline) {
    const script = runs.replaceAll(/\$\{\{[^}]*\}\}/g, 'x');
    for (const shell of shells) {
      const { stderr, status } = spawnSync(shell, ['-n'], { input: script, encoding: 'utf8' });
      expect({ shell, stderr, status }).toEqual({ shell, stderr: '', status: 0 });
    }
  }
});

describe.each(shells)('against stub tools, with %s', (shell) => {
  let bench: Workbench;
  beforeEach(() => {
    bench = workbench(shell);
    bench.program('nproc', 'echo 4');
  });
  afterEach(() => bench.remove());

  const out = '/home/melange-out/app';
  /** The lines that stubs and the pipeline print. */
  const lines = (uses: string, inputs: Record<string, string> = {}): string[] => {
    const { code, output } = bench.run(uses, inputs);
    return [...output.trimEnd().split('\n'), ...(code === 0 ? [] : [`exit ${code}`])];
  };

  test('autoconf', () => {
    bench.stub(
      'autoreconf',
      'printf "#!/bin/sh\\necho configure \\"\\$@\\"\\n" >configure; chmod +x configure',
    );
    bench.stub('make');
    bench.write({ 'sub/configure.ac': '' });
    expect(lines('autoconf/configure', { dir: 'sub', opts: '--with-x="a b" \\\n  --with-y\n' })).toEqual([
      'autoreconf [-vfi]',
      'configure --host=x86_64-pc-linux-gnu --build=x86_64-pc-linux-gnu --prefix=/usr --sysconfdir=/etc --libdir=/usr/lib --mandir=/usr/share/man --infodir=/usr/share/info --localstatedir=/var --with-x=a b --with-y',
    ]);
    expect(lines('autoconf/make', { opts: 'A="b c"\n', targets: 'all docs' })).toEqual([
      'make [-C] [.] [-j4] [V=1] [all] [docs] [A=b c]',
    ]);
    bench.write({ 'melange-out/app/usr/lib/a.la': '', 'melange-out/app/usr/lib/a.so': '' });
    expect(lines('autoconf/make-install', { opts: 'PREFIX=/usr' })).toEqual([
      `make [-C] [.] [install] [DESTDIR=${out}] [V=1] [PREFIX=/usr]`,
      `${out}/usr/lib/a.la`,
    ]);
    expect(bench.list('melange-out/app')).toEqual(['usr/lib/a.so']);
  });

  test('cmake and meson', () => {
    bench.stub('cmake', 'echo "VERBOSE=$VERBOSE DESTDIR=$DESTDIR"');
    bench.stub('meson', 'echo "DESTDIR=$DESTDIR"');
    expect(lines('cmake/configure', { opts: '-DX=1 \\\n-DY="a b"\n' })[0]).toBe(
      'cmake [-B] [output] [-G] [Ninja] [-DCMAKE_INSTALL_PREFIX=/usr] [-DCMAKE_INSTALL_LIBDIR=lib] [-DCMAKE_BUILD_TYPE=Release] [-DCMAKE_VERBOSE_MAKEFILE=ON] [-DX=1] [-DY=a b]',
    );
    expect(lines('cmake/build', { 'output-dir': 'o' })).toEqual([
      'cmake [--build] [o]',
      'VERBOSE=1 DESTDIR=',
    ]);
    expect(lines('cmake/install')).toEqual(['cmake [--install] [output]', `VERBOSE= DESTDIR=${out}`]);
    expect(lines('meson/configure', { opts: '-Da=b' })[0]).toBe(
      'meson [setup] [.] [output] [--prefix=/usr] [--wrap-mode=nodownload] [-Da=b]',
    );
    expect(lines('meson/compile')[0]).toBe('meson [compile] [-j] [4] [-C] [output]');
    expect(lines('meson/install')).toEqual(['meson [install] [-C] [output]', `DESTDIR=${out}`]);
  });

  test('go', () => {
    bench.stub(
      'go',
      'echo "GOAMD64=$GOAMD64 GOEXPERIMENT=$GOEXPERIMENT ${GOMODCACHE##*/}"; [ -z "$GOBIN" ] || echo x >"$GOBIN/tool"',
    );
    bench.write({ 'm/go.mod': 'module m', 'go.mod.local': 'module replaced' });
    expect(
      lines('go/build', {
        packages: './cmd/a ./cmd/b',
        output: 'a',
        modroot: 'm',
        tags: 't',
        ldflags: '-X main.v=$(echo 1)',
        deps: 'x@v1\ny@v2',
        tidy: 'true',
        vendor: 'true',
        experiments: 'e',
      }).filter((line) => line.startsWith('go ')),
    ).toEqual([
      'go [mod] [tidy]',
      'go [get] [x@v1]',
      'go [get] [y@v2]',
      'go [mod] [vendor]',
      `go [build] [-o] [${out}/usr/bin/a] [-tags] [netgo,osusergo,t] [-ldflags] [-w -X main.v=1] [-trimpath] [-buildmode] [default] [./cmd/a] [./cmd/b]`,
    ]);
    expect(bench.read('m/go.mod')).toBe('module replaced');
    expect(bench.read('.config/git/ignore')).toBe('*\n');
    expect(bench.run('go/build', { packages: '.', output: 'a' })).toMatchObject({ code: 1 });
    expect(lines('go/install', { package: 'example.org/tool', version: 'v1' })[0]).toBe(
      'go [install] [-tags] [netgo,osusergo] [-ldflags] [-w ] [-trimpath] [example.org/tool@v1]',
    );
    expect(bench.read('melange-out/app/usr/bin/tool')).toBe('x\n');
    bench.stub('gobump');
    expect(lines('go/bump', { deps: 'a@v1\n  b@v2\n', modroot: 'm', 'go-version': '1.22' })).toEqual([
      'gobump [--packages=a@v1 b@v2] [--go-version=1.22] [--tidy=true] [--show-diff=false]',
    ]);
    bench.stub('go', 'printf "total\\t(statements)\\t71.4%%\\n"');
    expect(lines('go/covdata').at(-1)).toBe('Statements coverage: 71.4%');
  });

  test('go/build/v2 leaves the git ignore file as it was, also when it fails', () => {
    bench.stub('go', 'cat "$HOME/.config/git/ignore"; [ ! -e fail ] || exit 3');
    bench.stub('scanelf');
    bench.write({ 'go.mod': 'module m', '.config/git/ignore': 'mine\n' });
    expect(lines('go/build/v2')).toEqual([
      `go [build] [-o] [${out}/usr/bin/] [-tags] [netgo,osusergo] [-ldflags] [-w ] [-trimpath] [-buildmode] [default] [.]`,
      '*',
    ]);
    expect(bench.read('.config/git/ignore')).toBe('mine\n');
    bench.write({ fail: '' });
    expect(bench.run('go/build/v2')).toMatchObject({ code: 3 });
    expect(bench.read('.config/git/ignore')).toBe('mine\n');
  });

  test('cargo/build installs one program, or all of them, and fails when there is none', () => {
    bench.stub(
      'cargo',
      'mkdir -p target/release/deps; for f in a b; do echo x >target/release/$f; chmod +x target/release/$f; done; touch target/release/a.d; echo "RUSTFLAGS=$RUSTFLAGS"',
    );
    expect(
      lines('cargo/build', { output: 'a', jobs: '2', rustflags: '-C x', opts: '--release --locked' }),
    ).toEqual([
      'cargo [auditable] [build] [--target-dir] [target] [--jobs=2] [--release] [--locked]',
      'RUSTFLAGS=-C x',
    ]);
    expect(bench.list('melange-out/app')).toEqual(['usr/bin/a']);
    expect(lines('cargo/build')).toHaveLength(2);
    expect(bench.list('melange-out/app')).toEqual(['usr/bin/a', 'usr/bin/b']);
    bench.stub('cargo', 'rm -rf target; mkdir -p target/release');
    expect(bench.run('cargo/build')).toMatchObject({ code: 1 });
  });

  test('perl/make', () => {
    bench.program(
      'perl',
      'case "$1" in -MConfig) printf %s "-O2 -DX";; *) echo "perl $*, CFLAGS=$CFLAGS";; esac',
    );
    expect(lines('perl/make')).toEqual(['perl Makefile.PL INSTALLDIRS=vendor, CFLAGS=-O2 -DX']);
  });

  test('python', () => {
    bench.stub('python3', 'case "$*" in *broken*) exit 1;; *build) mkdir -p dist; touch dist/a.whl;; esac');
    bench.write({ 'melange-out/app/usr/lib/a.pyc': '', 'melange-out/app/usr/lib/a.py': '' });
    expect(lines('python/build').at(-1)).toBe('python3 [setup.py] [build]');
    expect(lines('python/install')).toEqual([`python3 [setup.py] [install] [--prefix=/usr] [--root=${out}]`]);
    expect(bench.list('melange-out/app')).toEqual(['usr/lib/a.py']);
    expect(lines('python/build-wheel')).toEqual([
      'python3 [-m] [build]',
      `python3 [-m] [installer] [-d] [${out}] [dist/a.whl]`,
    ]);
    expect(
      lines('python/import', {
        python: 'python3',
        imports: '# all\nimport a # why\nfrom b import broken\n\n',
      }),
    ).toEqual([
      'python3 [-c] [import a]',
      'PASS[python3]: import a',
      'python3 [-c] [from b import broken]',
      'FAIL[python3]: from b import broken',
      '[python/import] 1 passed, 1 failed',
      'exit 1',
    ]);
    expect(lines('python/import', { python: 'python3', from: 'a', import: 'b' })[0]).toBe(
      'python3 [-c] [from a import b]',
    );
    expect(bench.run('python/import', { python: 'python3' })).toMatchObject({ code: 1 });
    expect(lines('python/test', { command: 'echo "$HOME" | wc -l' })).toEqual(['1']);
  });

  test('ruby', () => {
    bench.stub('gem', 'case "$1" in build) :;; esac');
    bench.program('ruby', 'echo /usr/lib/ruby/gems/3.4.0');
    bench.write({ 'g/a.gemspec': 's.name = 1\ns.signing_key = 2\n' });
    expect(lines('ruby/build', { gem: 'a', dir: 'g' })).toEqual(['gem [build] [a.gemspec]']);
    expect(lines('ruby/build', { gem: 'a', dir: 'g', output: 'a.gem', opts: '--strict' })).toEqual([
      'gem [build] [a.gemspec] [--output] [a.gem] [--strict]',
    ]);
    expect(bench.read('g/a.gemspec')).toBe('s.name = 1\n');
    const home = `${out}/usr/lib/ruby/gems/3.4.0`;
    expect(lines('ruby/install', { gem: 'a', version: '1.0' })).toEqual([
      `gem [install] [a-1.0.gem] [--install-dir] [${home}] [--bindir] [${out}/usr/bin] [--version] [1.0] [--ignore-dependencies] [--no-document] [--local] [--verbose]`,
    ]);
    expect(bench.run('ruby/install', { version: '1.0' })).toMatchObject({ code: 1 });
    const inside = 'melange-out/app/usr/lib/ruby/gems/3.4.0';
    bench.write({
      [`${inside}/cache/a.gem`]: '',
      [`${inside}/gems/a/gem_make.out`]: '',
      [`${inside}/gems/a/a.rb`]: '',
    });
    lines('ruby/clean');
    expect(bench.list('melange-out/app')).toEqual(['usr/lib/ruby/gems/3.4.0/gems/a/a.rb']);
  });

  test('npm, maven, R, pecl and git-am', () => {
    bench.stub('npm');
    bench.stub('pnpm');
    expect(lines('npm/install', { package: 'x', version: '1.2.3' })).toEqual([
      `npm [install] [--global] [--no-audit] [--no-fund] [--prefix] [${out}/usr] [x@1.2.3]`,
    ]);
    expect(lines('npm/install', { package: 'x', version: '1', 'npm-package': 'pnpm' })[0]).toBe(
      `pnpm [add] [--global] [--global-dir] [${out}/usr/lib/pnpm] [--global-bin-dir] [${out}/usr/bin] [x@1]`,
    );
    bench.stub('npm', '[ ! -e package.json ] || cat package.json');
    expect(
      lines('npm/install', { package: '@a/x', version: '1', overrides: 'semver@7.5.2\n@b/c@2' })
        .slice(1)
        .join(''),
    ).toBe(
      `npm [install] [--prefix] [${out}/usr/lib]{  "private": true,  "dependencies": {    "@a/x": "1"  },  "overrides": {    "semver": "7.5.2",    "@b/c": "2"  }}`,
    );

    lines('maven/configure-mirror');
    expect(bench.read('.m2/settings.xml')).toContain('<mirrorOf>central</mirrorOf>');
    bench.stub('mvn');
    bench.program('pombump', 'echo "<pom>$*</pom>"');
    bench.write({ 'pom.xml': '<pom/>\n', 'pombump-properties.yaml': '' });
    expect(lines('maven/pombump', { dependencies: 'a@b@1\nc@d@2', 'show-dependency-tree': 'true' })).toEqual([
      'mvn [-f] [pom.xml] [dependency:tree]',
    ]);
    expect(bench.read('pom.xml')).toBe(
      '<pom>--dependencies a@b@1 c@d@2 --properties-file ./pombump-properties.yaml pom.xml</pom>\n',
    );

    bench.stub('Rscript');
    expect(lines('R/build', { package: 'r', version: '1', path: 'src' }).at(-1)).toBe(
      `  install.packages(arguments[1], lib = arguments[2], repos = NULL, type = "source")] [src] [${out}/usr/lib/R/library]`,
    );
    bench.stub('phpize');
    bench.stub('make');
    bench.sh('printf "#!/bin/sh\\necho configure \\"\\$@\\"\\n" >configure; chmod +x configure');
    expect(lines('pecl/phpize', { 'php-config': 'php-config83' })).toEqual([
      'phpize',
      'configure --prefix=/usr --with-php-config=php-config83',
    ]);
    expect(lines('pecl/install', { extension: 'redis' })).toEqual([`make [INSTALL_ROOT=${out}] [install]`]);
    expect(bench.read('melange-out/app/etc/php/conf.d/redis.ini')).toBe('extension=redis.so\n');
    bench.stub('git');
    expect(lines('git-am', { patches: 'a.patch\n b.patch' })).toEqual(['git [am] [a.patch] [b.patch]']);
    expect(bench.run('git-am', { patches: ' ' })).toMatchObject({ code: 1 });
  });

  test('xcover and llvm/covreport', () => {
    bench.stub('xcover');
    expect(
      lines('xcover/profile', {
        'executable-path': '/usr/bin/x',
        'exclude-functions': '^runtime\\.',
        verbose: 'true',
      }),
    ).toEqual([
      'xcover [run] [--detached] [--report] [--path] [/usr/bin/x] [--log-level] [info] [--scope] [project] [--exclude] [^runtime\\.] [--verbose]',
      'xcover [wait] [--timeout] [60s]',
    ]);
    expect(lines('xcover/status')).toEqual(['xcover [status]']);
    expect(lines('xcover/stop')).toEqual(['xcover [stop]']);
    expect(lines('xcover/wait', { 'wait-timeout': '5' })).toEqual(['xcover [wait] [--timeout] [5s]']);
    bench.program('jq', 'echo 63.5');
    expect(bench.run('xcover/ensure')).toMatchObject({ code: 1 });
    bench.write({ 'xcover-report.json': '{}' });
    expect(lines('xcover/ensure', { 'min-coverage': '63.5' })).toEqual(['Functions coverage: 63.5%']);
    expect(lines('xcover/ensure', { 'min-coverage': '70' })).toEqual([
      'Functions coverage: 63.5%',
      '[xcover/ensure] FAIL The coverage 63.5% is below 70%.',
      'exit 1',
    ]);
    bench.stub('llvm-profdata');
    bench.stub('llvm-cov', 'echo TOTAL 10 2 80% 5 1 80% 20 5 75.00%');
    expect(bench.run('llvm/covreport', { object: '/bin/ls' })).toMatchObject({ code: 1 });
    bench.write({ 'default_1.profraw': '' });
    expect(lines('llvm/covreport', { object: '/bin/ls', 'ignore-filename-regex': 'test' })).toEqual([
      'llvm-profdata [merge] [-sparse] [-o] [merged.profdata] [default_1.profraw]',
      'llvm-cov [report] [/bin/ls] [-instr-profile=merged.profdata] [-ignore-filename-regex=test]',
      'TOTAL 10 2 80% 5 1 80% 20 5 75.00%',
      'Statements coverage: 75.00%',
    ]);
  });
});
