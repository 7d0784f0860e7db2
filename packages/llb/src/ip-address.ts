/** Returns an IPv4 or IPv6 address in its canonical form, IPv4-mapped ones as IPv4; undefined for anything else. */
export function canonicalIpAddress(text: string): string | undefined {
  const four = parseFour(text);
  if (four !== undefined) return four.join('.');
  const words = parseSix(text);
  if (words === undefined) return undefined;
  if (words.slice(0, 5).every((w) => w === 0) && words[5] === 0xffff) {
    return [words[6]! >> 8, words[6]! & 255, words[7]! >> 8, words[7]! & 255].join('.');
  }
  return formatSix(words);
}

function parseFour(text: string): number[] | undefined {
  const parts = text.split('.');
  const valid = parts.length === 4 && parts.every((p) => /^(?:0|[1-9]\d{0,2})$/.test(p) && Number(p) < 256);
  return valid ? parts.map(Number) : undefined;
}

function parseSix(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')).flatMap(parseWord));
  const found = (head?.length ?? 0) + (tail?.length ?? 0);
  if (halves.length === 1 ? found !== 8 : found > 7) return undefined;
  const words = [...(head ?? []), ...Array.from({ length: 8 - found }, () => 0), ...(tail ?? [])];
  return words.some(Number.isNaN) ? undefined : words;
}

function parseWord(part: string): number[] {
  const four = parseFour(part);
  if (four !== undefined) return [four[0]! * 256 + four[1]!, four[2]! * 256 + four[3]!];
  return [/^[0-9a-fA-F]{1,4}$/.test(part) ? Number.parseInt(part, 16) : Number.NaN];
}

/** The longest run of two zeros or more is written `::`. */
function formatSix(words: readonly number[]): string {
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && words[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  const hex = (part: readonly number[]): string => part.map((w) => w.toString(16)).join(':');
  return start < 0 ? hex(words) : `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`;
}
