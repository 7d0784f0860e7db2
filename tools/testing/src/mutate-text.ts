const pieces: readonly string[] = [
  '\n',
  ' ',
  '  ',
  '\t',
  ':',
  ': ',
  '- ',
  '-',
  '#',
  ' #',
  '"',
  "'",
  '|',
  '>',
  '|-',
  '>+',
  '{',
  '}',
  '[',
  ']',
  ',',
  '&a ',
  '*a',
  '!!str ',
  '%',
  '---\n',
  '...\n',
  '${{',
  '}}',
  '${{vars.a}}',
  '<<: ',
  '? ',
  '~',

  '\\',
  '\r',
  '\r\n',
  '\u0000',
  '\u00e9',
  '😀',
  '\ufeff',
  '\u2028',
  '0',
  '1e3',
  'null',
  'true',
  'range: langs\n',
];

/** A generator of whole numbers below a bound, the same ones for the same seed. */
export function randomNumbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** A text with one to four small damages: pieces of YAML and of build files put in, lines moved, text lost or twice. */
export function mutateText(text: string, random: (bound: number) => number): string {
  let out = text;
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(out.length + 1);
    const length = random(3) === 0 ? random(40) : random(3);
    const kind = random(5);
    if (kind === 0) out = out.slice(0, at) + out.slice(at + length);
    else if (kind === 1) out = out.slice(0, at) + (pieces[random(pieces.length)] ?? '') + out.slice(at);
    else if (kind === 2)
      out = out.slice(0, at) + (pieces[random(pieces.length)] ?? '') + out.slice(at + length);
    else if (kind === 3) out = out.slice(0, at) + out.slice(at - length, at) + out.slice(at);
    else {
      const lines = out.split('\n');
      const line = random(lines.length);
      if (random(2) === 0) lines[line] = `${' '.repeat(random(4))}${lines[line] ?? ''}`;
      else lines.splice(line, 1 + random(2), lines[random(lines.length)] ?? '');
      out = lines.join('\n');
    }
  }
  return out;
}
