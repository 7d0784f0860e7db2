/**
 * The lines of a `<<-` body with the first of them moved to `level` tabs, and the others by as much.
 *
 * Empty lines stay empty.
 */
export function shiftTabs(body: string, level: number): string {
  let first = -1;
  let out = '';
  for (let from = 0; from < body.length;) {
    const newline = body.indexOf('\n', from);
    const end = newline < 0 ? body.length : newline + 1;
    let text = from;
    while (body.charCodeAt(text) === 9) text++;
    if (newline === text) out += '\n';
    else {
      let tabs = text - from;
      if (first < 0) {
        first = tabs;
        tabs = level;
      } else tabs = tabs < first ? first : tabs + level - first;
      out += '\t'.repeat(tabs) + body.slice(text, end);
    }
    from = end;
  }
  return out;
}
