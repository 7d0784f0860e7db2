import { substitute } from '@melange2/config';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { builtinCatalogue } from './builtin-catalogue.ts';
import { normaliseTemplate } from './normalise-template.ts';
import { normaliseScript } from './shell/normalise-script.ts';

const values = [
  'zip',
  '3.0',
  '',
  '1',
  '-g',
  'a b',
  "it's",
  '$(x)',
  'if',
  'usr/lib',
  './...',
  'a\nb\n',
  '"q"',
  '#no',
  'x=y',
  '~',
  '2',
];

interface Step {
  readonly runs?: string;
}

test.each(builtinCatalogue.names())('%s comes out as if it had been printed with its values', (name) => {
  const { pipeline } = parse(builtinCatalogue.resolve(name)?.text ?? '') as {
    readonly pipeline: readonly Step[];
  };
  for (const { runs = '' } of pipeline) {
    const printed = new Map<string, string>();
    for (let round = 0; round < values.length; round++) {
      let next = round;
      const known = new Map<string, string>();
      const variables = {
        get: (variable: string) => {
          if (!known.has(variable)) known.set(variable, values[(next += 7) % values.length] ?? '');
          return known.get(variable);
        },
      };
      const text = normaliseTemplate(runs, variables, normaliseScript, printed);
      if (text !== undefined) expect({ text }).toEqual(normaliseScript(substitute(runs, variables).text));
    }
  }
});

const print = (template: string, value: string): string | undefined =>
  normaliseTemplate(template, new Map([['v', value]]), normaliseScript, new Map());

test('plain words are put into a text that was printed before', () => {
  expect(print('echo ${{v}}   "${{ v }}" # why', 'a-1.0')).toBe('echo a-1.0 "a-1.0"\n');
  expect(print("cat <<'E'\n${{v}}\nE\n", 'any $(thing) "at" all')).toBe(
    'cat <<\'E\'\nany $(thing) "at" all\nE\n',
  );
});

test('whatever may change how a shell reads is left to the shell', () => {
  for (const value of ['a b', 'if', '$x', "'", '"', '#', '*', '~', '(', ';', '=', '\\', '`', '!']) {
    expect(print('echo ${{v}}', value)).toBeUndefined();
  }
  expect(print('echo $${{v}}', 'x')).toBeUndefined();
  expect(print('echo ${${{v}}}', 'x')).toBeUndefined();
  expect(print('cat <<E\n${{v}}\nE\n', 'a b')).toBeUndefined();
  expect(print("cat <<'E'\n${{v}}\nE\n", 'one\nE\ntwo')).toBeUndefined();
  expect(print('if ${{v}}', 'x')).toBeUndefined();
});
