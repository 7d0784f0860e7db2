import type { YAMLError } from 'yaml';

/** Something wrong with the YAML of a text. Offsets count in the text. */
export interface YamlProblem {
  readonly kind: 'syntax' | 'alias' | 'depth';
  readonly message: string;
  readonly start: number;
  readonly end: number;
  /** A change of the text that mends it. */
  readonly fix?: {
    readonly title: string;
    readonly start: number;
    readonly end: number;
    readonly text: string;
  };
}

/** Says what is wrong in the words of a build file's author, at the place where it can be mended. */
export function yamlFault(error: YAMLError, text: string): YamlProblem {
  const [start, end] = error.pos;
  const line = { start: text.lastIndexOf('\n', start - 1) + 1, end: lineEnd(text, start) };
  const first = line.start + (/^[ \t]*/.exec(text.slice(line.start, line.end))?.[0].length ?? 0);
  const made = (message: string, from: number, to: number, fix?: YamlProblem['fix']): YamlProblem => ({
    kind: 'syntax',
    message,
    start: from,
    end: Math.max(from, to),
    ...(fix === undefined ? {} : { fix }),
  });
  const quoteRest = (from: number): YamlProblem['fix'] => {
    const value = text.slice(from, line.end).trimEnd();
    return {
      title: 'put it in quotes',
      start: from,
      end: from + value.length,
      text: `'${value.replaceAll("'", "''")}'`,
    };
  };
  switch (error.code) {
    case 'TAB_AS_INDENT': {
      const blanks = text.slice(line.start, first);
      return made('a tab indents this line, and only blanks may', line.start, first, {
        title: 'indent with blanks',
        start: line.start,
        end: first,
        text: blanks.replaceAll('\t', '  '),
      });
    }
    case 'BLOCK_AS_IMPLICIT_KEY':
      return made('a text with ": " in it must stand in quotes', start, line.end, quoteRest(start));
    case 'BAD_SCALAR_START':
      return made(
        `a text that begins with "${text.charAt(start)}" must stand in quotes`,
        start,
        line.end,
        quoteRest(start),
      );
    case 'BAD_INDENT': {
      if (error.message.includes('sufficiently indented')) return missing(error.message);
      const blanks = first - line.start === 1 ? '1 blank' : `${first - line.start} blanks`;
      return made(`this line is indented by ${blanks}, which fits no line above it`, first, line.end);
    }
    case 'MULTILINE_IMPLICIT_KEY':
      return made('this is no key, for a ":" is missing behind it', start, line.end);
    case 'MISSING_CHAR':
      return missing(error.message);
    case 'UNEXPECTED_TOKEN':
      if (text.slice(start - 1, start + 2) === '${{')
        return made('a text with "${{" inside of brackets must stand in quotes', start - 1, line.end);
      return made(lowered(error.message), start, end);
    default:
      return made(lowered(error.message), start, end);
  }

  function missing(message: string): YamlProblem {
    const quote = /closing (["'])/.exec(message)?.[1];
    if (quote !== undefined) {
      const open = openingQuote(text, start, quote);
      return made(
        `the closing ${quote} of this text is missing`,
        open,
        open === start ? end : lineEnd(text, open),
      );
    }
    const bracket = /end with an? ([\]}])/.exec(message)?.[1];
    if (bracket !== undefined) return made(`a ${bracket} is missing before this`, start, end);
    if (message.includes('followed by map values')) {
      return made('this is no key, for a ":" is missing behind it', start, line.end);
    }
    if (message.includes('without - indicator')) {
      return made('a "- " is missing before this entry, or it is indented wrongly', first, line.end);
    }
    return made(lowered(message), start, end);
  }
}

/** Where the quoted text begins that is not closed before `end`: the last quote that begins a value. */
function openingQuote(text: string, end: number, quote: string): number {
  const before = text.slice(0, end);
  const openings = [...before.matchAll(new RegExp(`(?:^|[\\s[{,])${quote}`, 'g'))];
  for (const match of openings.toReversed()) {
    const at = match.index + match[0].length - 1;
    if (!before.slice(at + 1).includes(quote)) return at;
  }
  return end;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  const stop = end < 0 ? text.length : end;
  return text.charAt(stop - 1) === '\r' ? stop - 1 : stop;
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
