import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addListEntry,
  applyEdits,
  changeChecksum,
  changeEpoch,
  changeValue,
  changeVersion,
  parseConfig,
  removeListEntry,
  type EditPath,
} from './index.ts';

const text = `# A comment
package:
  name:   hello   # spaced
  version: "2.12"
  epoch: 3 # GHSA-1
  dependencies:
    runtime:
      - a # first

      - 'b'
    provides: [x, "y"]
pipeline:
  - uses: fetch
    with: {uri: https://example.org, expected-sha256: 'abc'}
  - runs: |
      make
`;

const change = (path: EditPath, value: string): string => applyEdits(text, changeValue(text, path, value));

test('a new version keeps quotes and comments, and sets the epoch to 0', () => {
  expect(applyEdits(text, changeVersion(text, '2.13'))).toBe(
    text.replace('"2.12"', '"2.13"').replace('epoch: 3', 'epoch: 0'),
  );
  expect(applyEdits(text, changeEpoch(text, 4n))).toBe(text.replace('epoch: 3', 'epoch: 4'));
});

test('a checksum is changed where it stands', () => {
  expect(applyEdits(text, changeChecksum(text, 'abc', 'def'))).toBe(text.replace("'abc'", "'def'"));
});

test('list entries are changed, added and removed in the way the list is written', () => {
  const runtime = ['package', 'dependencies', 'runtime'];
  const provides = ['package', 'dependencies', 'provides'];
  expect(change([...runtime, 1], 'c')).toBe(text.replace("'b'", "'c'"));
  expect(applyEdits(text, addListEntry(text, runtime, 'c'))).toBe(
    text.replace("      - 'b'\n", "      - 'b'\n      - c\n"),
  );
  expect(applyEdits(text, removeListEntry(text, runtime, 0))).toBe(text.replace('      - a # first\n', ''));
  expect(applyEdits(text, addListEntry(text, provides, 'z'))).toBe(text.replace('"y"]', '"y", z]'));
  expect(applyEdits(text, removeListEntry(text, provides, 0))).toBe(text.replace('x, ', ''));
  expect(applyEdits(text, removeListEntry(text, provides, 1))).toBe(text.replace(', "y"', ''));
});

test('an entry can be a mapping, and begins the list that is not there', () => {
  const entry = { license: 'MIT', 'license-path': 'docs/a: b' };
  const copyright = ['package', 'copyright'];
  const begun = applyEdits(text, addListEntry(text, copyright, entry));
  expect(begun).toBe(
    text.replace('"y"]\n', '"y"]\n  copyright:\n    - license: MIT\n      license-path: "docs/a: b"\n'),
  );
  expect(applyEdits(begun, addListEntry(begun, copyright, { license: 'BSD-2-Clause' }))).toBe(
    begun.replace('"docs/a: b"\n', '"docs/a: b"\n    - license: BSD-2-Clause\n'),
  );
  const flow = 'package: {name: a, copyright: []}\n';
  const grown = applyEdits(flow, addListEntry(flow, copyright, { license: 'MIT', 'license-path': 'L' }));
  expect(grown).toBe('package: {name: a, copyright: [{license: MIT, license-path: L}]}\n');
  const bare = 'package: {name: a}\n';
  expect(applyEdits(bare, addListEntry(bare, copyright, { license: 'MIT' }))).toBe(
    'package: {name: a, copyright: [{license: MIT}]}\n',
  );
  expect(() => addListEntry(text, ['package', 'name'], entry)).toThrow('there is no list');
});

test('a key that is not there is added behind the last one', () => {
  expect(change(['package', 'url'], 'https://example.org')).toBe(
    text.replace('"y"]\n', '"y"]\n  url: https://example.org\n'),
  );
});

test('whatever text is put in is read back, in every style, and nothing else changes', () => {
  const paths: EditPath[] = [
    ['package', 'name'],
    ['package', 'version'],
    ['package', 'url'],
    ['package', 'dependencies', 'runtime', 1],
    ['package', 'dependencies', 'provides', 0],
    ['pipeline', 1, 'runs'],
    ['pipeline', 0, 'with', 'uri'],
  ];
  const piece = fc.oneof(
    fc.constantFrom(
      '1.10',
      ' ',
      ': ',
      '- ',
      '#',
      "'",
      '"',
      '\n',
      '\\',
      '${{vars.a}}',
      'null',
      '\u0085',
      '---',
      '\t',
      '| ',
      '!',
    ),
    fc.string({ unit: 'grapheme' }),
  );
  const others = ['package.epoch', 'pipeline.1.runs', 'package.dependencies.runtime.0', 'package.version'];
  const read = (source: string, path: EditPath): string | undefined =>
    parseConfig(source, 'a.yaml').value?.at.origin(...path)?.text;
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.array(piece, { maxLength: 6 }), (path, pieces) => {
      const value = pieces.join('').toWellFormed();
      const changed = change(path, value);
      expect(read(changed, path)).toBe(value);
      for (const other of others.map((name) =>
        name.split('.').map((k) => (/^\d+$/.test(k) ? Number(k) : k)),
      )) {
        if (other.join('.') !== path.join('.')) expect(read(changed, other)).toBe(read(text, other));
      }
    }),
    { numRuns: 500 },
  );
});

test('what is not there cannot be changed, and the error says so', () => {
  expect(() => changeValue(text, ['package', 'dependencies', 'runtime', 7], 'x')).toThrow(
    '"package.dependencies.runtime.7" cannot be changed: there is no mapping that could hold it.',
  );
  expect(() => changeValue(text, ['pipeline'], 'x')).toThrow('"pipeline" cannot be changed: it is a list');
});
