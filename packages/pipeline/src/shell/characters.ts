/** Codes of the characters that the grammar is about. */
export const code = {
  tab: 9,
  newline: 10,
  verticalTab: 11,
  carriageReturn: 13,
  space: 32,
  bang: 33,
  doubleQuote: 34,
  hash: 35,
  dollar: 36,
  percent: 37,
  ampersand: 38,
  singleQuote: 39,
  open: 40,
  close: 41,
  star: 42,
  plus: 43,
  comma: 44,
  minus: 45,
  slash: 47,
  zero: 48,
  nine: 57,
  colon: 58,
  semicolon: 59,
  less: 60,
  equals: 61,
  greater: 62,
  question: 63,
  at: 64,
  openBracket: 91,
  backslash: 92,
  closeBracket: 93,
  caret: 94,
  backquote: 96,
  openBrace: 123,
  pipe: 124,
  closeBrace: 125,
  tilde: 126,
} as const;

/** What a character can be, as bits. */
export const characterClass = {
  /** Ends an unquoted word. */
  breaks: 1,
  /** Begins something else inside an unquoted word: a quote, an expansion, an escape. */
  special: 2,
  /** Begins a pattern when `(` follows. */
  glob: 4,
  nameStart: 8,
  digit: 16,
  /** May be in a keyword. */
  keyword: 32,
  /** Ends an operand of arithmetic. */
  operator: 64,
  /** Is a parameter by itself: `$?`. */
  parameter: 128,
} as const;

const classes = new Uint8Array(128);

function mark(characters: string, bit: number): void {
  for (let i = 0; i < characters.length; i++) {
    const c = characters.charCodeAt(i);
    classes[c] = (classes[c] ?? 0) | bit;
  }
}

const lower = 'abcdefghijklmnopqrstuvwxyz';
mark('\t\n\v ;&|<>()', characterClass.breaks);
mark('$`\'"\\', characterClass.special);
mark('?*+@!', characterClass.glob);
mark(`${lower}${lower.toUpperCase()}_`, characterClass.nameStart);
mark('0123456789', characterClass.digit);
mark(`${lower}{}[]!`, characterClass.keyword);
mark('\t\n\v ;&|<>()+-*/%^~!=?:,]}', characterClass.operator);
mark('@*#?$!-0123456789', characterClass.parameter);

/** Whether a character code has one of the classes of `bits`. */
export function isClass(character: number, bits: number): boolean {
  return character < 128 && ((classes[character] ?? 0) & bits) !== 0;
}

/** Whether a character may be in the name of a variable after its first. */
export function isNamePart(character: number): boolean {
  return isClass(character, characterClass.nameStart | characterClass.digit);
}

/** The end of the name that begins at `from`; `from` itself where there is none. */
export function nameEnd(text: string, from: number): number {
  if (!isClass(text.charCodeAt(from), characterClass.nameStart)) return from;
  let end = from + 1;
  while (isNamePart(text.charCodeAt(end))) end++;
  return end;
}

/** Whether an extended pattern such as `@(a|b)` begins at `at`. `@()` is none: it is the head of a function. */
export function beginsPattern(text: string, at: number): boolean {
  return (
    isClass(text.charCodeAt(at), characterClass.glob) &&
    text.charCodeAt(at + 1) === code.open &&
    text.charCodeAt(at + 2) !== code.close
  );
}
