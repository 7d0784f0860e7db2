import { diagnostic, lineMap, type Parsed } from '@melange2/diagnostics';
import { emptyRecord } from './decode.ts';
import { errors } from './errors.ts';

/**
 * Reads an env file: `NAME=value`, `export NAME=value`, `#` comments; single quotes keep the text, double
 * quotes and bare values know `$NAME` and `${NAME}` of names above, double quotes also `\n`.
 *
 * Names that the file does not set are empty.
 */
export function parseEnvFile(text: string, file: string): Parsed<Readonly<Record<string, string>>> {
  const out = emptyRecord<string>();
  const diagnostics = [];
  const lines = lineMap(file, text);
  const statement =
    /[ \t\r\n]*(?:#[^\n]*(?:\n|$)|(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*[=:][ \t]*(?:'([^']*)'|"((?:\\[^]|[^"\\])*)"|([^\n]*))[ \t]*(?:#[^\n]*)?(?:\r?\n|$)|$)/y;
  while (statement.lastIndex < text.length) {
    const from = statement.lastIndex;
    const match = statement.exec(text);
    if (match === null) {
      const start = from + (/^[ \t\r\n]*/.exec(text.slice(from))?.[0].length ?? 0);
      const newline = text.indexOf('\n', start);
      const end = newline < 0 ? text.length : newline;
      const line = text.slice(start, end);
      const bare = /^export[ \t]+([A-Za-z_][A-Za-z0-9_.-]*)[ \t\r]*$/.exec(line);
      if (bare === null) {
        const reason = `"${line.slice(0, 40)}" is not NAME=value`;
        diagnostics.push(
          diagnostic(errors, 'CONFIG_ENV_FILE_INVALID', { reason }, { span: lines.span(start, end) }),
        );
      }
      statement.lastIndex = end + 1;
      continue;
    }
    const [, name, single, double, bare] = match;
    if (name === undefined) continue;
    if (single !== undefined) out[name] = single;
    else if (double !== undefined) out[name] = expand(unescape(double), out);
    else out[name] = expand(withoutComment(bare ?? ''), out);
  }
  return { value: out, diagnostics };
}

function withoutComment(text: string): string {
  return text.replace(/(^|[ \t])#.*$/, '').trim();
}

function unescape(text: string): string {
  return text.replaceAll(/\\([^$])/g, (_, c: string) => (c === 'n' ? '\n' : c === 'r' ? '\r' : c));
}

function expand(text: string, known: Readonly<Record<string, string>>): string {
  return text.replaceAll(/(\\)?\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/g, (all, escaped, braced, plain) => {
    if (escaped !== undefined) return all.slice(1);
    return known[String(braced ?? plain)] ?? '';
  });
}
