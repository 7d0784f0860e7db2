import { expect, test } from 'vitest';
import { holds, parseCondition } from './index.ts';
import { possibleValues } from './condition.ts';

const variables = new Map([['build.arch', 'x86_64']]);

function value(text: string): boolean | string {
  const { condition, problem } = parseCondition(text);
  return condition === undefined ? problem.message : holds(condition, variables);
}

test('operators have one rank and are taken from left to right', () => {
  expect(value("'a' == 'a' || 'a' == 'a' && 'a' == 'b'")).toBe(false);
  expect(value("'a' == 'a' || ('a' == 'a' && 'a' == 'b')")).toBe(true);
});

test('variables are operands, unknown ones the empty text, and those are told', () => {
  expect(value("${{ build.arch }} == 'x86_64'")).toBe(true);
  const { condition } = parseCondition("${{a}} == '' || ${{b}} == 'c'");
  const unknown: string[] = [];
  expect(condition && holds(condition, variables, ({ name }) => unknown.push(name))).toBe(true);
  expect(unknown).toEqual(['a', 'b']);
});

test('texts know a few escapes, and keep the backslash of any other', () => {
  expect(value(String.raw`'it\'s' == "it's"`)).toBe(true);
  expect(value(String.raw`'a\qb' == 'a\\qb'`)).toBe(true);
});

test('what is no condition says what is missing', () => {
  expect(['', "'a' ==", "'a' = 'b'", "('a' == 'a'", "'a' == 'a' x", 'a == b', "'a"].map(value)).toEqual([
    'a quoted text or a variable is missing at the end',
    'a quoted text or a variable is missing at the end',
    '"==" or "!=" must stand here, not "="',
    'the closing ")" of this group is missing',
    'something stands behind the condition',
    'a text in quotes or a variable must stand here, not "a"',
    "the closing ' of this text is missing",
  ]);
});

test('parentheses may be nested deep, but not without end', () => {
  const nested = (depth: number): string => `${'('.repeat(depth)}'a' == 'a'${')'.repeat(depth)}`;
  expect(value(nested(900))).toBe(true);
  expect(value(nested(100_000))).toBe('parentheses are nested too deep');
});

test('what a condition may come to is known without its variables', () => {
  const possible = (text: string): boolean[] => {
    const { condition } = parseCondition(text);
    return condition === undefined
      ? []
      : [...possibleValues(condition, variables)].toSorted((a, b) => Number(a) - Number(b));
  };
  expect(possible("${{x}} == 'a' && 'b' == 'c'")).toEqual([false]);
  expect(possible("${{x}} == 'a' || ${{build.arch}} == 'x86_64'")).toEqual([true]);
  expect(possible("${{x}} != 'a'")).toEqual([false, true]);
});
