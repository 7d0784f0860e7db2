import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { has, workbench, type Workbench } from './testing/run-built-in.ts';

const shells = ['/bin/dash', '/bin/bash'].filter((s) => existsSync(s));
describe.each(shells)('with %s', (shell) => {
  let bench: Workbench;
  beforeEach(() => {
    bench = workbench(shell);
  });
  afterEach(() => bench.remove());

  describe('fetch', () => {
    let sha256: string;
    const uri = 'http://127.0.0.1:9/app-1.0.tar.gz';
    beforeEach(() => {
      bench.write({ 'made/app-1.0/README': 'hello\n' });
      bench.sh('tar -czf app.tar.gz -C made app-1.0 && rm -r made');
      const bytes = readFileSync(join(bench.home, 'app.tar.gz'));
      sha256 = createHash('sha256').update(bytes).digest('hex');
      writeFileSync(join(bench.cache, `sha256:${sha256}`), bytes);
      bench.sh('rm app.tar.gz');
    });

    test('takes a file of the cache and unpacks it without its first folder', () => {
      const { code, output } = bench.run('fetch', { uri, 'expected-sha256': sha256.toUpperCase() });
      expect(output).toBe(`[fetch] app-1.0.tar.gz comes from the cache: /cache/sha256:${sha256}\n`);
      expect(code).toBe(0);
      expect(bench.list('.').filter((f) => !f.startsWith('melange-out'))).toEqual([
        'README',
        'app-1.0.tar.gz',
      ]);
    });

    test('keeps to directory, strip-components, delete and extract', () => {
      bench.run('fetch', {
        uri,
        'expected-sha256': sha256,
        directory: 'a b/c',
        'strip-components': '0',
        delete: 'true',
      });
      expect(bench.list('.')).toEqual(['a b/c/app-1.0/README']);
      bench.run('fetch', { uri, 'expected-sha256': sha256, extract: 'false', delete: 'true' });
      expect(bench.list('.')).toEqual(['a b/c/app-1.0/README', 'app-1.0.tar.gz']);
    });

    test('gives what it downloads to the folder that wants it', () => {
      mkdirSync(join(bench.cache, 'fetch'));
      renameSync(join(bench.cache, `sha256:${sha256}`), join(bench.cache, 'aside'));
      bench.stub(
        'wget',
        `case "$*" in *--help*) exit;; esac; cp ${join(bench.cache, 'aside')} .app-1.0.tar.gz.part`,
      );
      const { code, output } = bench.run('fetch', { uri, 'expected-sha256': sha256, delete: 'true' });
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(readFileSync(join(bench.cache, 'fetch/source'))).toEqual(
        readFileSync(join(bench.cache, 'aside')),
      );
    });

    test('refuses a damaged file of the cache, names both sums and leaves nothing behind', () => {
      writeFileSync(join(bench.cache, `sha256:${sha256}`), 'other');
      const { code, output } = bench.run('fetch', { uri, 'expected-sha256': sha256 });
      expect(code).toBe(1);
      expect(output).toContain(
        `expected ${sha256}, found ${createHash('sha256').update('other').digest('hex')}`,
      );
      expect(bench.list('.')).toEqual([]);
    });

    test('refuses to fetch without a checksum unless told so', () => {
      expect(bench.run('fetch', { uri })).toMatchObject({ code: 1 });
    });

    test('tries every address, as often as allowed, and takes only what has the checksum', () => {
      bench.stub(
        'wget',
        'for a in "$@"; do last=$a; done\n' +
          'case "$*" in *--help*) exit 0;; *good*) cp "$HOME/../cache/sha256:' +
          sha256 +
          '" "./.app-1.0.tar.gz.part.tmp"; while [ $# -gt 1 ]; do [ "$1" = -O ] && cp ./.app-1.0.tar.gz.part.tmp "$2"; shift; done; rm -f ./.app-1.0.tar.gz.part.tmp; exit 0;; *wrong*) while [ $# -gt 1 ]; do [ "$1" = -O ] && echo wrong >"$2"; shift; done; exit 0;; esac\nexit 4',
      );
      bench.stub('sleep');
      const inputs = {
        'expected-sha512': createHash('sha512')
          .update(readFileSync(join(bench.cache, `sha256:${sha256}`)))
          .digest('hex'),
      };
      const good = bench.run('fetch', {
        ...inputs,
        uri: 'http://down.example/app-1.0.tar.gz http://wrong.example/app-1.0.tar.gz http://good.example/app-1.0.tar.gz',
        'retry-limit': '2',
      });
      expect(good.output.split('\n').filter((l) => l.startsWith('[fetch] http'))).toEqual([
        '[fetch] http://down.example/app-1.0.tar.gz (attempt 1 of 2)',
        '[fetch] http://down.example/app-1.0.tar.gz (attempt 2 of 2)',
        '[fetch] http://wrong.example/app-1.0.tar.gz (attempt 1 of 2)',
        '[fetch] http://good.example/app-1.0.tar.gz (attempt 1 of 2)',
      ]);
      expect(good.code).toBe(0);
      expect(bench.read('README')).toBe('hello\n');
      const wrong = bench.run('fetch', { ...inputs, uri: 'http://wrong.example/x.tar.gz' });
      expect(wrong.code).toBe(1);
      expect(wrong.output).toContain('its checksum differs');
    });
  });

  describe.skipIf(!has('patch'))('patch', () => {
    const patchOf = (from: string, to: string): string =>
      `--- a/file\n+++ b/file\n@@ -1 +1 @@\n-${from}\n+${to}\n`;
    beforeEach(() => {
      bench.write({ file: 'one\n', '1.patch': patchOf('one', 'two'), '2.patch': patchOf('two', 'three') });
    });

    test('applies a list in its order', () => {
      expect(bench.run('patch', { patches: '1.patch\n2.patch\n' }).code).toBe(0);
      expect(bench.read('file')).toBe('three\n');
    });

    test('applies a series, without comments and options, also when its last line has no end', () => {
      bench.write({ series: '# first\n1.patch -p1\n\n2.patch' });
      expect(bench.run('patch', { series: 'series' }).code).toBe(0);
      expect(bench.read('file')).toBe('three\n');
    });

    test('fails where a patch or the series is missing or does not fit', () => {
      expect(bench.run('patch', { patches: 'none.patch' })).toMatchObject({ code: 1 });
      expect(bench.run('patch', { series: 'none' })).toMatchObject({ code: 1 });
      expect(bench.run('patch', { patches: '2.patch' })).toMatchObject({ code: 1 });
      expect(bench.run('patch', { patches: '1.patch;id' }).output).toContain('is not the name of a patch');
      expect(bench.run('patch', { patches: '1.patch', fuzz: 'x' }).output).toContain('fuzz must be a number');
    });
  });

  describe.skipIf(!has('git'))('git-checkout', () => {
    let first: string;
    let second: string;
    let side: string;
    let repository: string;
    beforeEach(() => {
      bench.sh(`
        mkdir origin && cd origin
        git init -q -b main .
        git config user.name Me; git config user.email me@example.org
        git config uploadpack.allowAnySHA1InWant true; git config uploadpack.allowFilter true
        mkdir lib other; echo 1 >file; echo l >lib/l; echo o >other/o; git add .; git commit -qm one; git tag -a -m tagged v1; git tag light
        git checkout -q -b fix; echo fixed >fixed; git add .; git commit -qm fix
        git checkout -q main; echo 2 >file; git commit -qam two
      `);
      const rev = (name: string): string => bench.sh(`git -C origin rev-parse ${name}`).trim();
      [first, second, side] = [rev('v1^{commit}'), rev('main'), rev('fix')];
      repository = `file://${join(bench.home, 'origin')}`;
    });
    const shown = 'file:///home/origin';
    const head = (folder: string): string => bench.sh(`git -C ${folder} rev-parse HEAD`).trim();

    test('checks out a tag, of both kinds, with one commit of history', () => {
      for (const tag of ['v1', 'light']) {
        const ran = bench.run('git-checkout', {
          repository,
          destination: `out-${tag}`,
          tag,
          'expected-commit': first,
        });
        expect(ran.output).toContain(`[git checkout] commit is ${first}`);
        expect(ran.code).toBe(0);
        expect(bench.read(`out-${tag}/file`)).toBe('1\n');
        expect(bench.sh(`git -C out-${tag} rev-list --count HEAD`)).toBe('1\n');
      }
    });

    test('warns where the hash of a tag object is expected, and refuses any other commit', () => {
      const object = bench.sh('git -C origin rev-parse v1').trim();
      const ran = bench.run('git-checkout', {
        repository,
        destination: 'a',
        tag: 'v1',
        'expected-commit': object,
      });
      expect(ran.code).toBe(0);
      expect(ran.output).toContain('WARNING expected-commit is the object of the tag');
      const other = bench.run('git-checkout', {
        repository,
        destination: 'b',
        tag: 'v1',
        'expected-commit': second,
      });
      expect(other.code).toBe(1);
      expect(other.output).toContain(
        `FAIL Tag v1 of ${shown} has another commit: expected ${second}, found ${first}`,
      );
    });

    test('finds an older commit of a branch, but not one of another branch', () => {
      const ran = bench.run('git-checkout', {
        repository,
        destination: 'a',
        branch: 'main',
        'expected-commit': first,
      });
      expect(ran.code).toBe(0);
      expect(head('a')).toBe(first);
      const other = bench.run('git-checkout', {
        repository,
        destination: 'b',
        branch: 'main',
        'expected-commit': side,
      });
      expect(other.code).toBe(1);
      expect(other.output).toContain(
        `FAIL The history of branch main of ${shown} has another commit: expected ${side}, found ${second}`,
      );
      const tip = bench.run('git-checkout', {
        repository,
        destination: 'c',
        branch: 'main',
        'expected-commit': first,
        'expected-commit-is-branch-tip': 'true',
      });
      expect(tip.code).toBe(1);
    });

    test('refuses a branch and a tag together, and warns without either', () => {
      expect(bench.run('git-checkout', { repository, branch: 'main', tag: 'v1' }).code).toBe(1);
      const ran = bench.run('git-checkout', { repository, destination: 'a' });
      expect(ran.code).toBe(0);
      expect(ran.output.match(/WARNING/g)).toHaveLength(2);
      expect(head('a')).toBe(second);
    });

    test('picks commits of other branches, the same each time', () => {
      const inputs = {
        repository,
        branch: 'main',
        'expected-commit': second,
        'cherry-picks': `# comment\nfix/${side}: "it's mended" # why\n\n`,
      };
      expect(bench.run('git-checkout', { ...inputs, destination: 'a' }).code).toBe(0);
      expect(bench.read('a/fixed')).toBe('fixed\n');
      expect(bench.run('git-checkout', { ...inputs, destination: 'b', depth: '1' }).code).toBe(0);
      expect(head('a')).toBe(head('b'));
      const bare = bench.run('git-checkout', { ...inputs, destination: 'c', 'cherry-picks': `fix/${side}` });
      expect(bare.code).toBe(1);
      expect(bare.output).toContain('has no comment');
    });

    test('checks out only the folders that are asked for', () => {
      const ran = bench.run('git-checkout', {
        repository,
        destination: 'a',
        branch: 'main',
        'sparse-paths': 'lib\n',
      });
      expect(ran.code).toBe(0);
      expect(bench.list('a').filter((f) => !f.startsWith('.git/'))).toEqual(['file', 'lib/l']);
    });

    /** What a checkout is to those who use it: settings, refs, objects, files with their modes. */
    const facts = (folder: string): string =>
      bench
        .sh(`
        cd ${folder}
        list() {
          git config --list --local | grep -v '^core\\.' | sort
          git symbolic-ref -q HEAD || git rev-parse HEAD
          git for-each-ref
          git rev-list --objects --all HEAD | sort
          git status --porcelain
          cat "$(git rev-parse --git-dir)/shallow" 2>/dev/null || echo whole
        }
        list
        git submodule --quiet foreach --recursive pwd | while read -r sub; do echo "$sub"; (cd "$sub" && list); done
        find . -name .git -prune -o -printf '%p %y %m %s %l\\n' | sort
      `)
        .replaceAll(`/home/${folder}`, '');

    const addSubmodule = (): string => {
      bench.sh(`
        git config --global protocol.file.allow always
        mkdir part && cd part && git init -q -b main .
        git config user.name Me; git config user.email me@example.org
        echo p >p; git add .; git commit -qm part
        cd ../origin && git submodule --quiet add ../part inner && git commit -qm inner
      `);
      return bench.sh('git -C origin rev-parse main').trim();
    };

    const keptCheckouts: readonly [string, () => Record<string, string>][] = [
      ['a tag', () => ({ tag: 'v1', 'expected-commit': first })],
      ['a tag with all history', () => ({ tag: 'light', 'expected-commit': first, depth: '-1' })],
      ['an older commit of a branch', () => ({ branch: 'main', 'expected-commit': first })],
      ['the default branch', () => ({ 'expected-commit': second })],
      [
        'picked commits',
        () => ({ branch: 'main', 'expected-commit': second, 'cherry-picks': `fix/${side}: x` }),
      ],
      [
        'a picked commit of no branch that was fetched',
        () => ({ tag: 'v1', 'expected-commit': first, 'cherry-picks': `${side}: x` }),
      ],
      ['some folders', () => ({ tag: 'v1', 'expected-commit': first, 'sparse-paths': 'lib' })],
      [
        'submodules',
        () => ({
          branch: 'main',
          'expected-commit': addSubmodule(),
          'recurse-submodules': 'true',
          depth: '1',
        }),
      ],
    ];
    // Half a second each, and what is new in it is git's work, not the shell's: with the first shell only.
    test.each(shell === shells[0] ? keptCheckouts : [])(
      'checks out %s from what was kept, without the repository, to the same',
      (_, makeInputs) => {
        const inputs = { repository, ...makeInputs() };
        const good = (destination: string): string => {
          const { code, output } = bench.run('git-checkout', { ...inputs, destination });
          if (code !== 0) throw new Error(output);
          return output;
        };
        good('direct');
        const folder = join(bench.cache, 'git-checkout');
        mkdirSync(folder);
        good('keeping');
        renameSync(join(folder, 'source'), join(folder, 'git:kept'));
        bench.sh('mkdir gone; mv origin gone/; [ ! -e part ] || mv part gone/');
        expect(good('kept')).toContain('comes from git:kept');
        expect(facts('kept')).toBe(facts('direct'));
      },
    );

    test('tries a failed clone again, with growing pauses', () => {
      bench.stub('sleep');
      const ran = bench.run('git-checkout', {
        repository: 'file:///nowhere',
        'max-retries': '2',
        'initial-backoff': '1',
      });
      expect(ran.code).toBe(1);
      expect(ran.output.match(/execute: git clone/g)).toHaveLength(3);
      expect(ran.output.match(/^sleep/gm)).toHaveLength(2);
    });
  });
});
