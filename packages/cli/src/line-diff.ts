/** Unchanged lines that are shown around a change. */
const context = 3;

interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

interface Hunk {
  readonly old: number;
  readonly now: number;
  readonly lines: Line[];
}

/**
 * Compares two short texts line by line, as `diff -u` prints it without its header; empty for equal ones.
 *
 * Takes time and memory in proportion to the product of both lengths.
 */
export function lineDiff(before: string, after: string): string {
  const lines = align(linesOf(before), linesOf(after));
  const near = new Set<number>();
  for (const [i, { sign }] of lines.entries()) {
    if (sign === ' ') continue;
    for (let j = i - context; j <= i + context; j++) near.add(j);
  }
  const hunks: Hunk[] = [];
  let [old, now] = [1, 1];
  for (const [i, line] of lines.entries()) {
    if (near.has(i)) {
      if (!near.has(i - 1) || i === 0) hunks.push({ old, now, lines: [] });
      hunks.at(-1)?.lines.push(line);
    }
    if (line.sign !== '+') old++;
    if (line.sign !== '-') now++;
  }
  return hunks.map(formatHunk).join('');
}

function formatHunk({ old, now, lines }: Hunk): string {
  const range = (start: number, without: Line['sign']): string => {
    const count = lines.filter(({ sign }) => sign !== without).length;
    // An empty range is named by the line before it.
    return `${count === 0 ? start - 1 : start},${count}`;
  };
  const text = lines.map((line) => `${line.sign}${line.text}\n`).join('');
  return `@@ -${range(old, '+')} +${range(now, '-')} @@\n${text}`;
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** Puts two lists of lines beside each other, with as many equal ones as there can be. */
function align(a: readonly string[], b: readonly string[]): Line[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = lengths[i];
      if (row !== undefined) {
        row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
      }
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [old, now] = [a[i], b[j]];
    if (old !== undefined && old === now) {
      lines.push({ sign: ' ', text: old });
      i++;
      j++;
    } else if (old !== undefined && (now === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: '-', text: old });
      i++;
    } else {
      lines.push({ sign: '+', text: now ?? '' });
      j++;
    }
  }
  return lines;
}
