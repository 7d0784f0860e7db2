import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { has, workbench, type Workbench } from './testing/run-built-in.ts';

// Those that take ten seconds and more run with `npm test`, or where this is set.
const slow = process.env['MELANGE2_ALL_TESTS'] === '1';
if (!slow) process.stderr.write('skipped: slow tests, for MELANGE2_ALL_TESTS is not 1\n');

describe('on real projects', { timeout: 120_000 }, () => {
  let bench: Workbench;
  beforeEach(() => {
    bench = workbench('/bin/sh');
  });
  afterEach(() => bench.remove());

  const good = (uses: string, inputs: Record<string, string> = {}): string => {
    const { code, output } = bench.run(uses, inputs);
    if (code !== 0) throw new Error(`${uses}: exit ${code}\n${output}`);
    return output;
  };
  const hello = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n';

  test.skipIf(!has('cmake', 'ninja', 'cc'))('cmake: configure, build and install', () => {
    bench.write({
      'hello.c': hello,
      'CMakeLists.txt':
        'cmake_minimum_required(VERSION 3.13)\nproject(hello C)\nadd_executable(hello hello.c)\ninclude(GNUInstallDirs)\ninstall(TARGETS hello)\ninstall(FILES hello.c DESTINATION ${CMAKE_INSTALL_LIBDIR}/hello)\n',
    });
    good('cmake/configure', { opts: '-DX=1' });
    good('cmake/build');
    good('cmake/install');
    expect(bench.list('melange-out/app')).toEqual(['usr/bin/hello', 'usr/lib/hello/hello.c']);
    expect(bench.sh('melange-out/app/usr/bin/hello')).toBe('hello\n');
  });

  test.skipIf(!has('make', 'cc'))('autoconf: configure, make and make install', () => {
    bench.write({
      'hello.c': hello,
      Makefile:
        'hello: hello.c\n\tcc -o hello hello.c\ninstall: hello\n\tinstall -D hello $(DESTDIR)$(PREFIX)/bin/hello\n\ttouch $(DESTDIR)$(PREFIX)/bin/x.la\n',
    });
    bench.sh('printf "#!/bin/sh\\necho \\"$@\\"\\n" >configure; chmod +x configure');
    good('autoconf/configure');
    good('autoconf/make');
    good('autoconf/make-install', { opts: 'PREFIX=/usr' });
    expect(bench.list('melange-out/app')).toEqual(['usr/bin/hello']);
  });

  test.skipIf(!has('autoreconf', 'automake', 'cc'))(
    'autoconf: makes configure where there is only configure.ac',
    () => {
      bench.write({
        'configure.ac':
          'AC_INIT([hello],[1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n',
        'Makefile.am': 'bin_PROGRAMS = hello\nhello_SOURCES = hello.c\n',
        'hello.c': hello,
      });
      good('autoconf/configure');
      good('autoconf/make');
      good('autoconf/make-install');
      expect(bench.list('melange-out/app')).toEqual(['usr/bin/hello']);
    },
  );

  test.skipIf(!has('meson', 'ninja', 'cc'))('meson: configure, compile and install', () => {
    bench.write({
      'hello.c': hello,
      'meson.build': "project('hello', 'c')\nexecutable('hello', 'hello.c', install: true)\n",
    });
    good('meson/configure');
    good('meson/compile');
    good('meson/install');
    expect(bench.list('melange-out/app')).toEqual(['usr/bin/hello']);
  });

  test.skipIf(!has('perl', 'make', 'cc'))('perl: make, make install and cleanup', () => {
    bench.write({
      'Makefile.PL': "use ExtUtils::MakeMaker;\nWriteMakefile(NAME => 'Hello', VERSION => '1');\n",
      'lib/Hello.pm': 'package Hello;\n1;\n',
    });
    good('perl/make');
    good('autoconf/make');
    good('autoconf/make-install');
    good('perl/cleanup');
    const files = bench.list('melange-out/app');
    expect(files.filter((f) => f.endsWith('/Hello.pm'))).toHaveLength(1);
    expect(files.filter((f) => f.endsWith('.packlist') || f.endsWith('.pod'))).toEqual([]);
  });

  const goFiles = {
    'go.mod': 'module example.org/hello\n\ngo 1.18\n',
    'cmd/hello/main.go':
      'package main\n\nvar version = "none"\n\nfunc main() { println("hello", version) }\n',
  };
  test.skipIf(!slow || !has('go'))('go/build and go/install: programs without paths of the machine', () => {
    bench.write(goFiles);
    good('go/build', { packages: './cmd/hello', output: 'hello', ldflags: '-X main.version=$(echo 1.0)' });
    expect(bench.sh('melange-out/app/usr/bin/hello 2>&1')).toBe('hello 1.0\n');
    expect(bench.sh('grep -c "$HOME" melange-out/app/usr/bin/hello || true')).toBe('0\n');
    good('go/install', { package: './cmd/hello', 'install-dir': 'sbin' });
    expect(bench.list('melange-out/app')).toEqual(['usr/bin/hello', 'usr/sbin/hello']);
    bench.sh('chmod -R u+w "$HOME" /var/cache/melange');
  });

  test.skipIf(!slow || !has('go'))('go/build/v2: names programs itself, and strips them', () => {
    bench.program('scanelf', 'find . -name hello | sed "s/^/EM_X86_64 NONE /"');
    bench.write(goFiles);
    expect(good('go/build/v2', { packages: './...' })).toContain('strip -g ./usr/bin/hello');
    expect(bench.list('melange-out/app')).toEqual(['usr/bin/hello']);
    bench.sh('chmod -R u+w "$HOME" /var/cache/melange');
  });

  test.skipIf(!has('cargo', 'cc'))('cargo/build: installs what was built', () => {
    // `cargo auditable` is rarely there; it builds as cargo does.
    bench.program('cargo-auditable', 'shift; exec cargo "$@"');
    bench.write({
      'Cargo.toml': '[package]\nname = "hello"\nversion = "1.0.0"\nedition = "2021"\n',
      'src/main.rs': 'fn main() { println!("hello"); }\n',
    });
    const home = process.env['CARGO_HOME'] ?? `${process.env['HOME'] ?? ''}/.cargo`;
    const rustup = process.env['RUSTUP_HOME'] ?? `${process.env['HOME'] ?? ''}/.rustup`;
    bench.sh(`ln -s ${home} .cargo; ln -s ${rustup} .rustup`);
    good('cargo/build', { opts: '--release --offline' });
    expect(bench.sh('melange-out/app/usr/bin/hello')).toBe('hello\n');
    bench.sh('rm .cargo .rustup');
  });

  const hasSetuptools = spawnSync('python3', ['-c', 'import setuptools']).status === 0;
  if (!hasSetuptools) process.stderr.write('skipped: there is no python3 with setuptools on this machine\n');
  test.skipIf(!slow || !hasSetuptools)('python: build and install with setup.py, and import', () => {
    bench.write({
      'setup.py': "from setuptools import setup\nsetup(name='hello', version='1', py_modules=['hello'])\n",
      'hello.py': 'x = 1\n',
    });
    good('python/build');
    good('python/install');
    const files = bench.list('melange-out/app');
    expect(files.some((f) => f.endsWith('/hello.py'))).toBe(true);
    expect(files.filter((f) => f.endsWith('.pyc'))).toEqual([]);
    const output = good('python/import', {
      python: 'python3',
      imports: 'import hello\nfrom hello import x\n',
    });
    expect(output).toContain('2 passed, 0 failed');
  });
});
