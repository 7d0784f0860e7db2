import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { codeFrame, didYouMean, formatDiagnostic, lineMap, redactor } from './index.ts';
import type { Diagnostic } from './index.ts';

const text = 'package:\n  name: hello\n\tversion: 1\n';

test('positions count lines and columns from 1, for every kind of line end', () => {
  const map = lineMap('a.yaml', 'a\r\nb\rc\nd');
  expect([0, 3, 5, 7, 99].map((o) => map.position(o))).toEqual([
    { line: 1, column: 1, offset: 0 },
    { line: 2, column: 1, offset: 3 },
    { line: 3, column: 1, offset: 5 },
    { line: 4, column: 1, offset: 7 },
    { line: 4, column: 2, offset: 8 },
  ]);
});

test('a code frame underlines the span, with tabs widened', () => {
  const map = lineMap('a.yaml', text);
  const at = text.indexOf('version');
  expect(codeFrame(text, map.span(at, at + 7), { context: 1 })).toMatchInlineSnapshot(`
    "  2 |   name: hello
    > 3 |     version: 1
        |     ^^^^^^^
      4 |"
  `);
});

test('a diagnostic is printed with its place, frame, fix and help', () => {
  const map = lineMap('a.yaml', text);
  const at = text.indexOf('hello');
  const shown = formatDiagnostic(
    {
      code: 'CONFIG_NAME_INVALID',
      severity: 'error',
      message: 'No.',
      span: map.span(at, at + 5),
      hint: 'Do.',
    },
    { readSource: () => text },
  );
  expect(shown.split('\n')[0]).toBe('a.yaml:2:9: error CONFIG_NAME_INVALID: No.');
  expect(shown.split('\n').at(-1)).toBe('  help: Do.');
});

test('for a terminal, texts are parted between words, and frames are cut beside what they show', () => {
  const long = `runs: ${'x'.repeat(60)} frobnicate --now ${'y'.repeat(60)}\n`;
  const at = long.indexOf('frobnicate');
  const problem: Diagnostic = {
    code: 'BUILD_STEP_FAILED',
    severity: 'error',
    message: 'The step "compile" of a sample failed with exit code 127.',
    span: lineMap('app.yaml', long).span(at, at + 16),
    hint: 'see /a/path/that/is/longer/than/the/terminal.log for all of it',
  };
  const paint = (_: string, part: string): string => `\u001b[31m${part}\u001b[39m`;
  const shown = formatDiagnostic(problem, { readSource: () => long, columns: 40, paint });
  expect(stripVTControlCharacters(shown)).toMatchInlineSnapshot(`
    "app.yaml:1:68: error BUILD_STEP_FAILED:
      The step "compile" of a sample failed
      with exit code 127.
      > 1 | xxxxxxxxxxxxx frobnicate --n
          |               ^^^^^^^^^^^^^^
        2 |
      help: see
        /a/path/that/is/longer/than/the/terminal.log
        for all of it"
  `);
  expect(formatDiagnostic(problem)).toContain(problem.message);
});

test('a near miss finds its word, a far one finds none', () => {
  expect(didYouMean('piplines', ['pipeline', 'package'])).toBe('pipeline');
  expect(didYouMean('xyz', ['pipeline', 'package'])).toBeUndefined();
});

test('secrets and credentials in URLs never come out', () => {
  const r = redactor(['hunter22']);
  expect(r.redact('x hunter22 https://me:pw123@host/x?token=abc Authorization: Bearer zzz')).toBe(
    'x *** https://me:***@host/x?token=*** Authorization: Bearer ***',
  );
});

test('a line of megabytes does not hold up who looks for secrets in it', () => {
  const long = 'a'.repeat(4 << 20);
  const r = redactor(['hunter22']);
  for (const [text, redacted] of [
    [`${long}://me:pw@host ${long}`, `${long}://me:***@host ${long}`],
    [`${'7'.repeat(4 << 20)}://me:pw@host`, undefined],
    [`https://${long}`, undefined],
    [`https://${long}:${long}`, undefined],
    ['a://b:'.repeat(1 << 20), undefined],
  ] as const)
    expect(r.redact(text) === (redacted ?? text)).toBe(true);
});
