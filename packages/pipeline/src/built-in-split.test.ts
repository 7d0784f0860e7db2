import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { has, workbench, type Workbench } from './testing/run-built-in.ts';

const shells = ['/bin/dash', '/bin/bash'].filter((s) => existsSync(s));
describe.each(shells)('with %s', (shell) => {
  let bench: Workbench;
  beforeEach(() => {
    bench = workbench(shell);
  });
  afterEach(() => bench.remove());

  const files = (...paths: string[]): void => {
    bench.write(Object.fromEntries(paths.map((path) => [`melange-out/${path}`, path])));
  };
  const split = (uses: string, context: string, inputs: Record<string, string> = {}): string[] => {
    const { code, output } = bench.run(uses, inputs, { context });
    if (code !== 0) throw new Error(output);
    return bench.list('melange-out');
  };

  test('split/dev takes what only building needs', () => {
    files(
      'app/usr/include/app/a.h',
      'app/usr/lib/pkgconfig/app.pc',
      'app/usr/lib/cmake/App/AppConfig.cmake',
      'app/usr/lib/libapp.so.1.0',
      'app/usr/lib/libapp.a',
      'app/usr/lib/app/plugin.so',
      'app/usr/share/aclocal/app.m4',
      'app/usr/bin/app',
      'app/usr/bin/app-config',
      'app/lib/libcore.so.2',
      'app-dev/usr/include/other/b.h',
    );
    bench.sh(
      'cd melange-out/app && ln -s libapp.so.1.0 usr/lib/libapp.so && ln -s libapp.so.1.0 usr/lib/libapp.so.1 && ln -s libcore.so.2 lib/libcore.so',
    );
    expect(split('split/dev', 'app-dev')).toEqual([
      'app-dev/lib/libcore.so',
      'app-dev/usr/bin/app-config',
      'app-dev/usr/include/app/a.h',
      'app-dev/usr/include/other/b.h',
      'app-dev/usr/lib/cmake/App/AppConfig.cmake',
      'app-dev/usr/lib/libapp.a',
      'app-dev/usr/lib/libapp.so',
      'app-dev/usr/lib/pkgconfig/app.pc',
      'app-dev/usr/share/aclocal/app.m4',
      'app/lib/libcore.so.2',
      'app/usr/bin/app',
      'app/usr/lib/app/plugin.so',
      'app/usr/lib/libapp.so.1',
      'app/usr/lib/libapp.so.1.0',
    ]);
    expect(existsSync(`${bench.home}/melange-out/app/usr/include`)).toBe(false);
  });

  test('split/dev takes from another package, below another prefix, and from nothing', () => {
    files('lib/opt/x/include/a.h', 'lib/usr/include/b.h');
    expect(split('split/dev', 'app-dev', { package: 'lib', prefix: '/opt/x' })).toEqual([
      'app-dev/opt/x/include/a.h',
      'lib/usr/include/b.h',
    ]);
    expect(split('split/dev', 'app-dev', { package: 'missing' })).toHaveLength(2);
  });

  test('split/manpages, split/infodir, split/locales and split/alldocs take their folders', () => {
    const all = [
      'app/usr/man/a.1',
      'app/usr/share/doc/app/README',
      'app/usr/share/info/app.info',
      'app/usr/share/info/dir',
      'app/usr/share/locale/de/app.mo',
      'app/usr/share/man/man1/app.1',
    ];
    files(...all);
    expect(split('split/manpages', 'app-man')).toEqual([
      'app-man/usr/man/a.1',
      'app-man/usr/share/man/man1/app.1',
      'app/usr/share/doc/app/README',
      'app/usr/share/info/app.info',
      'app/usr/share/info/dir',
      'app/usr/share/locale/de/app.mo',
    ]);
    expect(split('split/infodir', 'app-info')).toContain('app-info/usr/share/info/app.info');
    expect(split('split/locales', 'app-lang')).toContain('app-lang/usr/share/locale/de/app.mo');
    files(
      'two/usr/share/info/dir',
      'two/usr/share/info/x.info',
      'two/usr/share/doc/y',
      'two/usr/share/man/z',
    );
    expect(split('split/alldocs', 'two-doc', { package: 'two' }).filter((f) => f.startsWith('two'))).toEqual([
      'two-doc/usr/share/doc/y',
      'two-doc/usr/share/info/x.info',
      'two-doc/usr/share/man/z',
    ]);
    expect(
      split('split/alldocs', 'none-doc', { package: 'none' }).filter((f) => f.startsWith('none')),
    ).toEqual([]);
  });

  test('split/static takes static libraries, at any depth', () => {
    files('app/usr/lib/a.a', 'app/usr/lib/deep/b c.a', 'app/lib/c.a', 'app/usr/lib/d.so');
    expect(split('split/static', 'app-static')).toEqual([
      'app-static/lib/c.a',
      'app-static/usr/lib/a.a',
      'app-static/usr/lib/deep/b c.a',
      'app/usr/lib/d.so',
    ]);
  });

  test('split/lib takes shared libraries that programs load, all or by name', () => {
    files(
      'app/usr/lib/liba.so.1',
      'app/usr/lib/libb.so.1',
      'app/lib/libc.so.1',
      'app/usr/lib/x/libd.so.1',
      'app/usr/lib/liba.so',
    );
    expect(split('split/lib', 'app-a', { patterns: 'a' })).toContain('app-a/usr/lib/liba.so.1');
    expect(split('split/lib', 'app-lib', { paths: 'usr/lib/x\n' })).toEqual([
      'app-a/usr/lib/liba.so.1',
      'app-lib/lib/libc.so.1',
      'app-lib/usr/lib/libb.so.1',
      'app-lib/usr/lib/x/libd.so.1',
      'app/usr/lib/liba.so',
    ]);
  });

  test('split/bin takes programs of the package named, else of the one it is named after, else of the main one', () => {
    files('app/usr/bin/a', 'tool/usr/bin/t', 'tool/usr/share/x', 'other/usr/bin/o');
    expect(split('split/bin', 'x', { package: 'other' })).toContain('x/usr/bin/o');
    expect(split('split/bin', 'tool-bin')).toContain('tool-bin/usr/bin/t');
    expect(split('split/bin', 'programs')).toContain('programs/usr/bin/a');
    expect(existsSync(`${bench.home}/melange-out/app`)).toBe(false);
    expect(bench.run('split/bin', { package: 'tool' }, { context: 'y' })).toMatchObject({ code: 1 });
  });

  test('perl/cleanup removes only what perl notes', () => {
    files('app/usr/lib/perl5/perllocal.pod', 'app/usr/lib/perl5/auto/X/.packlist', 'app/usr/lib/perl5/X.pm');
    expect(split('perl/cleanup', 'app')).toEqual(['app/usr/lib/perl5/X.pm']);
  });

  describe.skipIf(!has('cc') || !has('strip') || !has('objcopy'))('on programs', () => {
    beforeEach(() => {
      bench.write({
        'a.c': 'int answer(void) { return 42; }\n',
        'm.c': 'int answer(void); int main(void) { return answer(); }\n',
      });
      bench.sh(`
        mkdir -p melange-out/app/usr/lib melange-out/app/usr/bin
        cc -g -shared -fPIC -o melange-out/app/usr/lib/liba.so.1 a.c
        cc -g -o melange-out/app/usr/bin/m m.c a.c
        ln melange-out/app/usr/lib/liba.so.1 melange-out/app/usr/lib/liba.so.1.0
        chmod 555 melange-out/app/usr/bin/m
        echo text >melange-out/app/usr/bin/script
      `);
      // scanelf is rarely there; this one knows what the two pipelines ask of it.
      bench.program(
        'scanelf',
        `while [ $# -gt 1 ]; do case "$1" in --format) format=$2; shift;; esac; shift; done
find "$1" -type f | sort | while read -r f; do
  case "$(od -A n -t x1 -N 4 "$f" | tr -d ' ')" in 7f454c46) ;; *) continue;; esac
  case "$format" in '%F') echo "$f";; *) echo "EM_X86_64 NONE $f";; esac
done`,
      );
    });
    const sections = (path: string): string => bench.sh(`readelf -S -W melange-out/${path}`);

    test('strip removes debugging symbols, also of what is not writable, and keeps modes', () => {
      const { code, output } = bench.run('strip');
      expect(output).toContain('strip -g ./usr/bin/m');
      expect(code).toBe(0);
      expect(sections('app/usr/bin/m')).not.toContain('.debug_info');
      expect(sections('app/usr/lib/liba.so.1')).not.toContain('.debug_info');
      expect(bench.sh('stat -c %a melange-out/app/usr/bin/m')).toBe('555\n');
    });

    test('split/debug moves the symbols and keeps hard links', () => {
      const { code, output } = bench.run('split/debug', {}, { context: 'app-dbg' });
      expect(output).toBe('');
      expect(code).toBe(0);
      expect(bench.list('melange-out/app-dbg')).toEqual([
        'usr/lib/debug/usr/bin/m.debug',
        'usr/lib/debug/usr/lib/liba.so.1.0.debug',
        'usr/lib/debug/usr/lib/liba.so.1.debug',
      ]);
      expect(sections('app/usr/lib/liba.so.1')).toContain('.gnu_debuglink');
      expect(sections('app/usr/lib/liba.so.1')).not.toContain('.debug_info');
      expect(sections('app-dbg/usr/lib/debug/usr/lib/liba.so.1.debug')).toContain('.debug_info');
      expect(bench.sh('stat -c %h melange-out/app/usr/lib/liba.so.1')).toBe('2\n');
      expect(bench.sh('stat -c %a melange-out/app/usr/bin/m')).toBe('555\n');
    });
  });
});
