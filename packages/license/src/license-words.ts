/** A line that says who holds the rights, since when. */
const holder = /^[\s#;*/%!.-]*(copyright\s*(\(c\)|©|[0-9<[{$]|by\b|:)|\(c\)\s|©|all rights reserved)/i;

/** The words of a licence text, without what differs from copy to copy: signs, holders of rights, comment marks. */
export function licenseWords(text: string): string[] {
  return (
    text
      .replaceAll(/<[a-zA-Z/!][^<>]{0,200}>/g, ' ')
      .split('\n')
      .filter((line) => !holder.test(line))
      .join('\n')
      .toLowerCase()
      .replaceAll('licence', 'license')
      // The list has the text of one holder for the ISC license; copies name another, most often nobody.
      .replaceAll(/\bisc (?=disclaims|be liable)/g, 'the author ')
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

const wordsInGroup = 3;

/** Numbers that stand for every three words in a row, in their order. */
export function wordGroups(words: readonly string[]): Uint32Array {
  const groups = new Uint32Array(Math.max(0, words.length - wordsInGroup + 1));
  for (let i = 0; i < groups.length; i++) {
    // FNV-1a: quick, and equal on every machine.
    let hash = 0x811c9dc5;
    for (let j = i; j < i + wordsInGroup; j++) {
      const word = words[j] ?? '';
      for (let k = 0; k < word.length; k++) hash = Math.imul(hash ^ word.charCodeAt(k), 0x01000193);
      hash = Math.imul(hash ^ 0x20, 0x01000193);
    }
    groups[i] = hash;
  }
  return groups;
}

/** Counts the words that lie in a group which `there` has, in a text of these groups. */
export function wordsCovered(groups: Uint32Array, there: ReadonlySet<number>): number {
  let words = 0;
  let covered = 0;
  for (const [at, group] of groups.entries()) {
    if (group === 0 || !there.has(group)) continue;
    words += at + wordsInGroup - Math.max(at, covered);
    covered = at + wordsInGroup;
  }
  return words;
}

/** Decodes the bytes of a licence file: UTF-16 with its mark, UTF-8, else Latin 1. */
export function decodeLicense(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('latin1').decode(bytes);
  }
}
