import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineSplitter } from './line-splitter.ts';

test('lines come out whole, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme' }).map((s) => s.replaceAll(/[\r\n]/g, ''))),
      fc.array(fc.nat(20)),
      (lines, cuts) => {
        const bytes = new TextEncoder().encode(lines.map((l) => `${l}\n`).join(''));
        const splitter = lineSplitter();
        const out: string[] = [];
        let at = 0;
        for (const cut of cuts) {
          out.push(...splitter.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        out.push(...splitter.push(bytes.subarray(at)), ...splitter.end());
        expect(out).toEqual(lines);
      },
    ),
  );
});

test('a last line without end is kept, CR LF ends a line', () => {
  const splitter = lineSplitter();
  expect(splitter.push(new TextEncoder().encode('a\r\nb'))).toEqual(['a']);
  expect(splitter.end()).toEqual(['b']);
  expect(splitter.end()).toEqual([]);
});
