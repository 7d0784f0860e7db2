import { checkLength } from './substitution.ts';
import { RE2JS, RE2JSException } from 're2js';

/** Longest text that a transform may make, in UTF-16 units. */
const maxLength = 1024 * 1024;

/** The pattern is none that RE2 reads. */
export class PatternError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'PatternError';
  }
}

/**
 * Replaces every match of an RE2 expression by a Go template (`$1`, `${1}`, `${name}`, `$$`).
 *
 * Takes time linear in the text, whatever the pattern. `$1x` is the group named `1x`; a group that is not
 * there is empty.
 *
 * @throws {PatternError} where RE2 refuses the pattern.
 * @throws {BuildError} CONFIG_TOO_LARGE when the result is longer than 1 Mi characters.
 * @see https://pkg.go.dev/regexp#Regexp.ReplaceAllString
 */
export function replaceMatches(text: string, pattern: string, template: string): string {
  const expression = compilePattern(pattern);
  const names = expression.namedGroups();
  const parts = readTemplate(template);
  const matcher = expression.matcher(text);
  let out = '';
  let done = 0;
  while (matcher.find()) {
    const start = matcher.start();
    const end = matcher.end();
    out += text.slice(done, start);
    // An empty match right behind a match is none in Go.
    if (end > done || start === 0) {
      for (const part of parts) {
        if (typeof part === 'string') out += part;
        else out += groupText(part.group);
      }
    }
    checkLength(out.length, maxLength);
    done = end;
  }
  return out + text.slice(done);

  function groupText(name: string): string {
    const index = /^\d{1,9}$/.test(name) && !/^0\d/.test(name) ? Number(name) : names[name];
    if (index === undefined || index > matcher.groupCount()) return '';
    return matcher.group(index) ?? '';
  }
}

const compiled = new Map<string, RE2JS>();

function compilePattern(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  try {
    const expression = RE2JS.compile(pattern);
    if (compiled.size >= 256) compiled.clear();
    compiled.set(pattern, expression);
    return expression;
  } catch (cause) {
    if (cause instanceof RE2JSException) throw new PatternError(cause.message);
    throw cause;
  }
}

type TemplatePart = string | { readonly group: string };

function readTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  const reference = /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu;
  let done = 0;
  for (const match of template.matchAll(reference)) {
    if (match.index > done) parts.push(template.slice(done, match.index));
    const group = match[1] ?? match[2];
    parts.push(group === undefined ? '$' : { group });
    done = match.index + match[0].length;
  }
  if (done < template.length) parts.push(template.slice(done));
  return parts;
}
