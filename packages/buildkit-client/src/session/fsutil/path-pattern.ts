import { posix } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import { sessionErrors } from '../errors.ts';

/** One pattern of an include or exclude list. */
export interface PathPattern {
  /** Cleaned, without the `!`. */
  readonly text: string;
  /** A pattern that begins with `!` takes back what an earlier one has matched. */
  readonly exception: boolean;
  readonly matches: (path: string) => boolean;
}

/**
 * Makes matchers of patterns as BuildKit understands them: `*` and `?` stay within a path component, `**` crosses
 * them, a match of a folder counts for what is in it, and `!` takes back.
 *
 * @throws {BuildError} SESSION_PATTERN_INVALID on a class that is not closed, a `\` at the end, and a lone `!`.
 * @see https://github.com/moby/patternmatcher
 */
export function parsePatterns(patterns: readonly string[]): readonly PathPattern[] {
  const parsed: PathPattern[] = [];
  for (const pattern of patterns) {
    let text = pattern.trim();
    if (text === '') continue;
    text = clean(text);
    const exception = text.startsWith('!');
    if (exception) text = text.slice(1);
    if (text === '' || !isWellFormed(text))
      throw buildError(sessionErrors, 'SESSION_PATTERN_INVALID', { pattern });
    parsed.push({ text, exception, matches: matcher(text) });
  }
  return parsed;
}

/** Go's `filepath.Clean`: Node's leaves a slash at the end. */
function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

function isWellFormed(pattern: string): boolean {
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === '\\') {
      i++;
      if (i >= pattern.length) return false;
    } else if (pattern[i] === '[') {
      const end = classEnd(pattern, i);
      if (end === -1) return false;
      i = end;
    }
  }
  return true;
}

/** Where the class that begins at `start` is closed; -1 when it is not, or is empty. */
function classEnd(pattern: string, start: number): number {
  let i = start + 1;
  if (pattern[i] === '^') i++;
  const first = i;
  for (; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === ']') return i === first ? -1 : i;
  }
  return -1;
}

function matcher(pattern: string): (path: string) => boolean {
  let source = '^';
  let kind: 'exact' | 'prefix' | 'suffix' | 'expression' = 'exact';
  for (let i = 0, first = true; i < pattern.length; i++, first = false) {
    const char = pattern[i]!;
    if (char === '*' && pattern[i + 1] === '*') {
      i++;
      if (pattern[i + 1] === '/') i++;
      if (i + 1 >= pattern.length) {
        if (kind === 'exact') kind = 'prefix';
        else {
          source += '[^\\n]*';
          kind = 'expression';
        }
      } else {
        source += '(?:[^\\n]*/)?';
        kind = 'expression';
      }
      if (first) kind = 'suffix';
    } else if (char === '*') {
      source += '[^/]*';
      kind = 'expression';
    } else if (char === '?') {
      source += '[^/]';
      kind = 'expression';
    } else if (char === '\\') {
      i++;
      const literal = String.fromCodePoint(pattern.codePointAt(i)!);
      i += literal.length - 1;
      source += escape(literal);
      kind = 'expression';
    } else if (char === '[') {
      const end = classEnd(pattern, i);
      source += classSource(pattern.slice(i + 1, end));
      i = end;
      kind = 'expression';
    } else if (char === ']') {
      source += '\\]';
      kind = 'expression';
    } else {
      const literal = String.fromCodePoint(pattern.codePointAt(i)!);
      i += literal.length - 1;
      source += escape(literal);
    }
  }
  switch (kind) {
    case 'exact':
      return (path) => path === pattern;
    case 'prefix': {
      const prefix = pattern.slice(0, -2);
      return (path) => path.startsWith(prefix);
    }
    case 'suffix': {
      const suffix = pattern.slice(2);
      return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
    }
    case 'expression': {
      const expression = new RegExp(`${source}$`, 'u');
      return (path) => expression.test(path);
    }
  }
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

function classSource(inside: string): string {
  const negated = inside.startsWith('^');
  let source = negated ? '[^' : '[';
  const chars = Array.from(negated ? inside.slice(1) : inside);
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    if (char === '-') source += '-';
    else if (char === '\\') source += classEscape(chars[++i] ?? '\\');
    else source += classEscape(char);
  }
  return `${source}]`;
}

function classEscape(char: string): string {
  return /[\\\][^-]/.test(char) ? `\\${char}` : char;
}
