/**
 * Parts a line at its spaces into lines of at most `columns`, those after the first indented two more than it is. Words
 * that are longer stay whole. Colours take no room. Default: one line.
 */
export function wrapWords(text: string, columns: number = Infinity): readonly string[] {
  if (widthOf(text) <= columns) return [text];
  const [lead = ''] = /^ */.exec(text) ?? [];
  const [first = '', ...words] = text.slice(lead.length).split(' ');
  const lines: string[] = [];
  let line = lead + first;
  for (const word of words) {
    if (widthOf(line) + 1 + widthOf(word) <= columns) line += ` ${word}`;
    else {
      lines.push(line);
      line = `${lead}  ${word}`;
    }
  }
  return [...lines, line];
}

function widthOf(text: string): number {
  return text.replaceAll(/\u001b\[[0-9;]*m/g, '').length;
}
