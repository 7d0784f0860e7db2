/** Counts a row as equal, listed or failed. */
export type Compare = (name: string, got: unknown, want: unknown) => void;

/** Shows how two answers differ, shortened. */
export function difference(got: unknown, want: unknown): string {
  if (Array.isArray(got) && Array.isArray(want)) {
    const [a, b] = [got.map((x) => JSON.stringify(x)), want.map((x) => JSON.stringify(x))];
    const missing = b.filter((x) => !a.includes(x));
    const more = a.filter((x) => !b.includes(x));
    return `  missing ${missing.slice(0, 5).join(' ')}\n  more    ${more.slice(0, 5).join(' ')}`;
  }
  return `  want ${JSON.stringify(want)?.slice(0, 800)}\n  got  ${JSON.stringify(got)?.slice(0, 800)}`;
}
