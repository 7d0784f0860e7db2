const short: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u000b': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Writes `text` as a Go string literal in double quotes. */
export function goQuote(text: string): string {
  if (/^[a-zA-Z0-9 ._/:;,+=@#%&*()<>!?|~^'`{}[\]$-]*$/.test(text)) return `"${text}"`;
  let out = '"';
  for (const c of text) {
    const code = c.codePointAt(0) ?? 0;
    const escape = short[c];
    if (escape !== undefined) out += escape;
    else if (printable.test(c)) out += c;
    else if (code < 0x80) out += `\\x${hex(code, 2)}`;
    else if (code >= 0xd800 && code <= 0xdfff) out += '\ufffd';
    else out += code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  }
  return `${out}"`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
