import { expect, test } from 'vitest';
import { PatternError, replaceMatches } from './var-transform.ts';

test("templates are Go's: groups by number and name, a dollar by two, unknown groups empty", () => {
  const replaced = [
    ['^(\\d+)\\.(\\d+).*$', '${1}_$2'],
    ['(?P<a>\\d+)\\.(?P<b>\\d+)', '$b.$a'],
    ['(\\d+)', '$1x'],
    ['\\.', '$$'],
    ['2*', '-'],
    ['\\b', '|'],
  ].map(([pattern = '', template = '']) => replaceMatches('1.22.333', pattern, template));
  expect(replaced).toEqual(['1_22', '22.1.333', '..', '1$22$333', '-1-.-.-3-3-3-', '|1|.|22|.|333|']);
});

test('what RE2 does not read is refused', () => {
  for (const pattern of ['(?=a)', '(?<=a)b', '\\1', '(', 'a{1001}', 'a**']) {
    expect(() => replaceMatches('a', pattern, '')).toThrow(PatternError);
  }
});
