import fc from 'fast-check';
import { expect, test } from 'vitest';
import { substitute, substituteCondition, substituteLiteral, substituteTraced } from './index.ts';

const variables = new Map([
  ['package.name', 'hello'],
  ['empty', ''],
  ['nested', '${{package.name}}'],
  ['quote', `it's "so"`],
]);

test('strictly: blanks and line ends may stand in the braces, and what is put in is not read again', () => {
  expect(substitute('a-${{package.name}}-${{ \n empty\t}}-${{nested}}', variables)).toEqual({
    text: 'a-hello--${{package.name}}',
    problems: [],
  });
});

test('strictly: every reference that is wrong is told, and left as it is', () => {
  const { text, problems } = substitute('${{nope}} ${{}} ${{package.name ${{package.name}}', variables);
  expect(text).toBe('${{nope}} ${{}} ${{package.name hello');
  expect(problems.map(({ kind, name, start }) => [kind, name, start])).toEqual([
    ['undefined', 'nope', 0],
    ['empty', '', 10],
    ['unterminated', 'package.name', 16],
  ]);
});

test('literally: only exact spellings of known names are touched', () => {
  expect(
    substituteLiteral('${{package.name}} ${{ package.name }} ${{x}} ${{${{package.name}}}}', variables),
  ).toBe('hello ${{ package.name }} ${{x}} ${{hello}}');
});

test('in conditions a variable is a quoted text where it is an operand, and bare inside quotes', () => {
  expect(substituteCondition(`\${{package.name}} == '\${{quote}}'`, variables).text).toBe(
    `"hello" == 'it\\'s \\"so\\"'`,
  );
});

test('the traced map leads each character that was kept back to itself', () => {
  const piece = fc.oneof(
    fc.constantFrom('${{package.name}}', '${{ empty }}', '${{nested}}', '${{nope}}', '${{', '}}', '\n'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('');
      const { text: made, map } = substituteTraced(text, variables);
      expect(made).toBe(substitute(text, variables).text);
      for (let i = 0; i < map.starts.length - 1; i++) {
        const [start, next, from] = [map.starts[i] ?? 0, map.starts[i + 1] ?? 0, map.from[i] ?? 0];
        if (map.copied[i]) expect(made.slice(start, next)).toBe(text.slice(from, from + next - start));
      }
    }),
  );
});
