import { existsSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normaliseScript } from './normalise-script.ts';

function printed(script: string): string {
  const result = normaliseScript(script);
  if ('problem' in result) throw new Error(`${result.offset}: ${result.problem}`);
  return result.text;
}

/** What is wrong, and the rest of the line from where it is. */
function refused(script: string): readonly [string, string] {
  const result = normaliseScript(script);
  if ('text' in result) throw new Error(`accepted as ${result.text}`);
  return [result.problem, script.slice(result.offset).split('\n', 1)[0] ?? ''];
}

test('a dollar before backquotes stays a dollar', () => {
  expect(printed('echo $`a` "$`a`" \\$`a` $$`a` $$$`a`')).toBe(
    'echo \\$$(a) "\\$$(a)" \\$$(a) $$$(a) $$\\$$(a)\n',
  );
});

describe('statements', () => {
  test('each one at the top gets a line, without comments, blank lines and separators', () => {
    expect(printed('a; b & # why\n\n\n# c\nc && d || e\n')).toBe('a\nb &\nc && d || e\n');
  });

  test('an empty script and one of comments only print nothing', () => {
    expect(printed('')).toBe('');
    expect(printed('  \n# a\n\n')).toBe('');
  });

  test('a first line that names an interpreter stays, if a line follows it', () => {
    expect(printed('#!/bin/sh -e\n# a\nb\n')).toBe('#!/bin/sh -e\nb\n');
    expect(printed('#!/bin/sh')).toBe('');
    expect(printed('\n#!/bin/sh\na')).toBe('a\n');
  });

  test('carriage returns at line ends are gone, also in here-documents', () => {
    expect(printed('cat <<E\r\na\r\nE\r\nb \\\r\nc\r\n')).toBe('cat <<E\na\nE\nb \\\n\tc\n');
  });

  test('operators stand at line ends, and what follows is indented once', () => {
    expect(printed('a \\\n  | b \\\n  && c \\\n  || d\n')).toBe('a |\n\tb &&\n\tc ||\n\td\n');
  });

  test('words that were continued still are', () => {
    expect(printed('A=1 \\\n ./configure   --a \\\n     --b\\\n=c\n')).toBe(
      'A=1 \\\n\t./configure --a \\\n\t--b=c\n',
    );
  });

  test('redirections touch their targets, and those between the words stay there only before the second', () => {
    expect(printed('> a b\n')).toBe('>a b\n');
    expect(printed('a > b c < d\n')).toBe('a >b c <d\n');
    expect(printed('a b 2> c d\n')).toBe('a b d 2>c\n');
    expect(printed('a > >(b) 2>&1 <<< "c"\n')).toBe('a > >(b) 2>&1 <<<"c"\n');
  });
});

describe('compound commands', () => {
  test('what was written in one line stays in one line', () => {
    const script = 'if a; then b; elif c; then d; else e; fi\nwhile a; do b; done\nf() { a; }\n(a)\n';
    expect(printed(script)).toBe(script);
  });

  test('two statements in one body get lines of their own', () => {
    expect(printed('{ a; b; }')).toBe('{\n\ta\n\tb\n}\n');
    expect(printed('if a; then b; c; fi')).toBe('if a; then\n\tb\n\tc\nfi\n');
  });

  test('one blank line is kept inside, and a comment leaves one', () => {
    expect(printed('{\n # c\n a\n\n\n b\n # d\n}\n')).toBe('{\n\n\ta\n\n\tb\n\n}\n');
  });

  test('items of case are not indented, their statements are', () => {
    expect(printed('case $a in\n  (b|c) d;;\n  *)\n    e\nesac\n')).toBe(
      'case $a in\nb | c) d ;;\n*)\n\te\n\t;;\nesac\n',
    );
  });

  test('loops of all kinds', () => {
    expect(printed('for ((i=0;i<3;i++)) do a; done\nfor i in {1..3}; { b; }\nfor i do c; done\n')).toBe(
      'for ((i = 0; i < 3; i++)); do a; done\nfor i in {1..3}; do b; done\nfor i; do c; done\n',
    );
  });

  test('tests need no continued lines', () => {
    expect(printed('[[ ( a =~ (x y|z)$ || -f b ) &&\n ! c ]]\n')).toBe(
      '[[ (a =~ (x y|z)$ || -f b) &&\n\t! c ]]\n',
    );
  });
});

describe('words', () => {
  test('backquotes become $( ), also nested ones', () => {
    expect(printed('a `b "\\`c\\`" \\$d`\n')).toBe('a $(b "$(c)" $d)\n');
  });

  test('arithmetic gets spaces, slices and let do not', () => {
    expect(printed('a=$((1+2*-b)) ${c:d+1: -2} $[e++]; let f=1+2\n')).toBe(
      'a=$((1 + 2 * -b)) ${c:d+1:-2} $((e++))\nlet f=1+2\n',
    );
  });

  test('arrays keep their lines', () => {
    expect(printed('a=( # c\n 1 # d\n # e\n [x]=2\n)\n')).toBe('a=(\n\t1\n\n\t[x]=2\n)\n');
  });

  test('quoted text stays to the byte', () => {
    const script = "a \"b\n  c # d\" 'e\n' $'f\\'' \"${g:-it's}\" \\# h#i\n";
    expect(printed(script)).toBe(script);
  });
});

describe('here-documents', () => {
  test('bodies stay, expansions in them are printed anew', () => {
    expect(printed("cat << 'E' > f\n`a`  # b\nE\ncat <<F\n`a`  # b\nF\n")).toBe(
      "cat <<'E' >f\n`a`  # b\nE\ncat <<F\n$(a)  # b\nF\n",
    );
  });

  test('bodies of <<- move with what is around them', () => {
    expect(printed('f() {\n  cat <<-E\n\ta\n\t\tb\n\n\tE\n}\n')).toBe(
      'f() {\n\tcat <<-E\n\t\ta\n\t\t\tb\n\n\tE\n}\n',
    );
  });

  test('two in one line keep their bodies, also when they belong to two statements', () => {
    expect(printed("cat <<A; cat <<'B'\n1\nA\n2\nB\n")).toBe("cat <<A\n1\nA\ncat <<'B'\n2\nB\n");
    expect(printed('cat <<A; cat <<B\n1\nA\n2\nB\n')).toBe('cat <<A\n1\nA\ncat <<B\n\\\n\\\n2\nB\n');
  });
});

describe('line ends that are escaped', () => {
  test.each([
    ['a "b"\\\n c\n', 'a "b" \\\n\tc\n'],
    ['a $(b)\\\n c\n', 'a $(b) \\\n\tc\n'],
    ['A=\\\n b\n', 'A= \\\n\tb\n'],
    ['a $b\\\n c "$d\\\ne"\n', 'a $b c "$de"\n'],
    ['a "b"\\\n"c"\n', 'a "b""\\\nc"\n'],
    ['a b\\\n"c"\n', 'a b"c"\n'],
    ['x=$(a \\\n)\n', 'x=$(\n\ta\n)\n'],
    ['(a \\\n)\n', '(\n\ta\n)\n'],
    ['{ a\n}\\\n\nb\n', '{\n\ta\n}\nb\n'],
    ['export A \\\n\\\n B\n', 'export A \\\n\tB\n'],
    ['[[ a = \\\nb && -f \\\nc ]]\n', '[[ a = b && -f c ]]\n'],
    ['cat <<E | \\\n a\n$b\nE\n', 'cat <<E |\n\\\n$b\nE\n\ta\n'],
    ["cat <<'E' | \\\n a\n$b\nE\n", "cat <<'E' |\n$b\nE\n\ta\n"],
  ])('%j is printed as %j', (script, expected) => {
    expect(printed(script)).toBe(expected);
  });

  test('a command goes on behind a comment that ends in a backslash, as in the reference', () => {
    expect(printed('a \\\n  --b \\\n  # --c \\\n  --d\n')).toBe('a \\\n\t--b \\\n\t\\\n\t--d\n');
    expect(printed('# a \\\n#  --b \\\nc\n')).toBe('c\n');
    expect(printed('a # b \\\nc\n')).toBe('a \\\n\tc\n');
  });
});

test('parentheses without content are no pattern, and !( is one', () => {
  expect(printed('a@() { b; }\n')).toBe('a@() { b; }\n');
  expect(printed('!(a|b)\n[[ ! !(a) ]]\n')).toBe('!(a|b)\n[[ ! !(a) ]]\n');
});

test('a dollar before the input or output of a command, and one behind an escape, stay', () => {
  expect(printed('a $>(b)\n"$\\\\$(c)"\n')).toBe('a $>(b)\n"$\\\\$(c)"\n');
});

describe('problems', () => {
  test.each([
    ['echo "a\nb', 'the quote " that is opened here is never closed', '"a'],
    ['if a; then\n  b\n', 'the "if" that begins here has no "fi"', 'if a; then'],
    ['if a\n  b\nfi\n', '"fi" comes too early: "then" must stand before it', 'fi'],
    ['a\nthen\n', '"then" belongs after an "if" or "elif", and there is none open here', 'then'],
    ['f() { }', 'there is no command after this {; write : for one that does nothing', '{ }'],
    ['a &&\n', 'a command must follow &&', '&&'],
    ['a\n  b `c "` d\n', 'the quote " that is opened here is never closed', '"` d'],
    ['cat <<E\na\n', 'the here-document that begins here has no line "E" that ends it', '<<E'],
    ['a b (c)', 'a ( cannot stand here; quote it if it is meant as text', ''],
    ['[[ a b ]]', '"b" is no operator of [[ … ]]', 'b ]]'],
    ['echo $((a b))', '"b" is no operator of arithmetic', 'b))'],
    [
      'a; b=(c) d',
      'an array cannot be set for one command only; put the assignment in a line of its own',
      'b=(c) d',
    ],
    ['a[1]=(b)', 'an element of an array cannot be an array', '(b)'],
    ['export A=b >c D', 'redirections must stand behind all that follows "export"', 'D'],
    ['a 2>& # b', 'a word must follow >&', '>& # b'],
    ['time ! a', '! can only stand before a whole pipeline, not behind "time"', '! a'],
    ['a <<"$b"\n$b\n', 'what ends a here-document must be plain text, without expansions', '"$b"'],
    ['echo ${a b}', '" " cannot follow the name of a variable in ${…}', ' b}'],
  ])('%j: %s', (script, problem, rest) => {
    const [found, place] = refused(script);
    expect(found).toBe(problem);
    if (rest !== '') expect(place).toBe(rest);
  });

  test('offsets are those of the text as it was given', () => {
    expect(normaliseScript('a\r\n\r\nfi\r\n')).toEqual({
      problem: '"fi" ends an "if", and there is none open here',
      offset: 5,
    });
  });

  test('long lists are no nesting', () => {
    expect(normaliseScript(`[[ a${' && a'.repeat(50_000)} ]]`)).toHaveProperty('text');
    expect(normaliseScript(`a${' | b'.repeat(50_000)}`)).toHaveProperty('text');
  });

  test('deep nesting is printed', () => {
    const script = `${'$(a '.repeat(60)}${')'.repeat(60)}\n`;
    expect(printed(script).length).toBeGreaterThan(script.length - 61);
    expect(normaliseScript(`${'(a; '.repeat(60)}b${')'.repeat(60)}`)).toHaveProperty('text');
  });

  test('nesting without end is refused', () => {
    for (const open of [
      '(',
      '{ ',
      '$(',
      '"$(',
      '$((',
      '${a:-',
      '[[ ( ',
      '[[ ! ',
      'if ',
      'a[',
      '((-',
      'time ',
    ]) {
      const result = normaliseScript(open.repeat(20_000));
      expect(result).toHaveProperty('problem');
    }
  });
});

describe('whatever the text', () => {
  const pieces = [
    'a¦b ¦ ¦\n¦;¦&¦&&¦|¦||¦(¦)¦{ ¦}¦$¦"¦\'¦`¦\\¦\\\n¦#¦if ¦then ¦else ¦elif ¦fi',
    'for i in ¦do ¦done¦while ¦case x in ¦esac¦;;¦x)¦$(¦${a¦${a:-¦$((¦))¦((¦[[ ¦ ]]',
    '<<E\n¦<<-E\n¦\nE\n¦>f¦2>&1¦<(¦@(¦a=¦a=(¦a[1]=¦export ¦let ¦time ¦! ¦f() ',
    'function f ¦coproc ¦=~ ¦ -f ¦+¦?¦:¦\t¦\r\n¦é¦😀¦1¦=¦[¦]¦,¦~¦*',
  ]
    .join('¦')
    .split('¦');
  const scripts = fc.array(fc.constantFrom(...pieces), { maxLength: 24 }).map((parts) => parts.join(''));

  test('it is printed or refused at a place in it, and what is printed stays as it is', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        const result = normaliseScript(script);
        if ('problem' in result) {
          expect(result.offset).toBeGreaterThanOrEqual(0);
          expect(result.offset).toBeLessThanOrEqual(script.length);
          return;
        }
        // Joined over a line end, characters can become what they are not apart: `a\⏎[[` is the text `a[[`.
        if (/\S\\\r?\n/.test(script)) return;
        expect(normaliseScript(result.text)).toEqual(result);
      }),
      { numRuns: 5000 },
    );
  });
});

const root = join(import.meta.dirname, '../../../..');
const vectors = process.env['MELANGE2_VECTORS'] ?? join(root, '../shared/vectors');
const recorded = join(vectors, 'compile/shell-wolfi.ndjson.gz');
const bash = spawnSync('bash', ['--version']).status === 0;
const runs = existsSync(recorded) && bash;

describe.skipIf(!runs)(`recorded scripts${runs ? '' : ` (skipped: they need ${recorded} and bash)`}`, () => {
  const scripts = (): readonly string[] =>
    gunzipSync(readFileSync(recorded))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { in: string }).in);

  test('all are printed as recorded, and broken ones are refused', async () => {
    // By a computed path: the tools are no part of this package.
    const { run } = (await import(join(root, 'tools/conformance/shell.ts'))) as {
      run: (folder: string) => Promise<{ equal: number; failed: string[] }>;
    };
    const { equal, failed } = await run(vectors);
    expect(failed).toEqual([]);
    expect(equal).toBeGreaterThan(6800);
  });

  test('what is printed is valid for bash', () => {
    const sample = scripts().filter((script, i) => i % 40 === 0 && !script.startsWith('#!'));
    // One shell for all of them: each is a function of its own, which is read but never called.
    const all = sample.map((script, i) => `f${i}() {\n:\n${printed(script)}\n}\n`).join('');
    const { status, stderr } = spawnSync('bash', ['-O', 'extglob', '-n'], { input: all, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('damaged ones are printed or refused, never lost', () => {
    const texts = scripts().filter((_, i) => i % 30 === 0);
    const mutated = fc
      .tuple(
        fc.constantFrom(...texts),
        fc.nat(),
        fc.nat({ max: 6 }),
        fc.constantFrom('', '"', "'", '`', '(', ')', '{', '$(', '<<E', '\\', '\n', ';', 'fi'),
      )
      .map(([text, at, length, put]) => {
        const start = at % (text.length + 1);
        return text.slice(0, start) + put + text.slice(start + length);
      });
    fc.assert(
      fc.property(mutated, (script) => {
        const result = normaliseScript(script);
        if ('text' in result) {
          if (!/\S\\\n/.test(script)) expect(normaliseScript(result.text)).toEqual(result);
        } else expect(result.offset).toBeLessThanOrEqual(script.length);
      }),
      { numRuns: 2000 },
    );
  });
});
