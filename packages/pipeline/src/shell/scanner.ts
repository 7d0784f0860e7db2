import type { Heredoc } from './syntax-tree.ts';
import { beginsPattern, characterClass, code, isClass } from './characters.ts';

/** Thrown where a text stops being shell text, and caught where reading it began. */
export class ShellProblem extends Error {
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(problem);
    this.offset = offset;
  }
}

/** Deeper nesting than this is refused, so that no text can exhaust the stack. */
const deepest = 300;

/** `function` and `readonly`. */
const longestKeyword = 8;

/** A place in a shell text: where the next character is, in which line, and which here-documents are due. */
export class Scanner {
  readonly text: string;
  at = 0;
  line: number;
  depth: number;
  /** Here-documents whose bodies begin after the line that is being read. */
  due: Heredoc[] = [];
  private blanksEnd = -1;
  private tokenLine = 0;
  private keywordAt = -1;
  private keywordFound: string | undefined;
  private keywordEnd = 0;
  private keywordLines = 0;
  /** Reads the bodies of `due`; given from outside, because bodies have words in them. */
  readonly readBodies: (scanner: Scanner) => void;

  constructor(text: string, line: number, depth: number, readBodies: (scanner: Scanner) => void) {
    this.text = text;
    this.line = line;
    this.depth = depth;
    this.readBodies = readBodies;
  }

  /** The code of the next character; NaN at the end. */
  peek(): number {
    return this.text.charCodeAt(this.at);
  }

  peekAt(ahead: number): number {
    return this.text.charCodeAt(this.at + ahead);
  }

  atEnd(): boolean {
    return this.at >= this.text.length;
  }

  fail(problem: string, offset: number = this.at): never {
    throw new ShellProblem(problem, offset);
  }

  enter(): void {
    if (++this.depth > deepest) this.fail(`it is nested more than ${deepest} levels deep`);
  }

  leave(): void {
    this.depth--;
  }

  /** Goes over blanks, escaped line ends, and comments whose line end is escaped. */
  skipBlanks(): void {
    if (this.at !== this.blanksEnd) this.tokenLine = this.line;
    do this.skipWhite();
    while (this.peek() === code.hash && this.skipContinuedComment());
    this.blanksEnd = this.at;
  }

  /** The line in which the last character stands that is no blank. */
  endLine(): number {
    return this.at === this.blanksEnd ? this.tokenLine : this.line;
  }

  private skipWhite(): void {
    for (;;) {
      const c = this.peek();
      if (c === code.space || c === code.tab || c === code.verticalTab || c === code.carriageReturn)
        this.at++;
      else if (c === code.backslash && this.peekAt(1) === code.newline) {
        this.at += 2;
        this.line++;
      } else return;
    }
  }

  /**
   * Goes over a comment with a backslash at its end, and tells whether there is one. The command goes on behind it.
   *
   * A shell would end the command; but the reference runs what it prints, so that build files rely on it.
   */
  private skipContinuedComment(): boolean {
    const end = continuedCommentEnd(this.text, this.at);
    if (end < 0) return false;
    this.at = end;
    this.line++;
    return true;
  }

  /** Goes over escaped line ends. */
  skipEscapedLines(): void {
    while (this.peek() === code.backslash && this.peekAt(1) === code.newline) {
      this.at += 2;
      this.line++;
    }
  }

  /** Goes over blanks, comments and line ends, and reads the here-documents that begin on the way. */
  skipLines(): void {
    for (;;) {
      this.skipBlanks();
      const c = this.peek();
      if (c === code.newline) this.newline();
      else if (c === code.hash) this.skipComment();
      else return;
    }
  }

  /** Goes over blanks and line ends where there are no comments: in arithmetic. */
  skipSpace(): void {
    for (;;) {
      this.skipWhite();
      if (this.peek() !== code.newline) return;
      this.newline();
    }
  }

  /** Goes over the comment that begins here, up to the end of its line. */
  skipComment(): void {
    const end = this.text.indexOf('\n', this.at);
    this.at = end < 0 ? this.text.length : end;
  }

  /** Goes over the line end that is here. */
  newline(): void {
    this.at++;
    this.line++;
    if (this.due.length > 0) this.readBodies(this);
  }

  /** Counts the line ends of what is gone over. */
  advanceTo(end: number): void {
    const { text } = this;
    // Not by searching: that would go to the end of the text each time.
    for (let i = this.at; i < end; i++) if (text.charCodeAt(i) === code.newline) this.line++;
    this.at = end;
  }

  /** The plain word that begins here, if something that ends words is behind it and it is short like a keyword. */
  keyword(): string | undefined {
    const { text, at } = this;
    if (at === this.keywordAt) return this.keywordFound;
    this.keywordAt = at;
    this.keywordFound = undefined;
    if (!isClass(text.charCodeAt(at), characterClass.keyword)) return undefined;
    let end = at + 1;
    while (isClass(text.charCodeAt(end), characterClass.keyword)) end++;
    if (end - at > longestKeyword) return undefined;
    let word = text.slice(at, end);
    this.keywordLines = 0;
    this.keywordEnd = end;
    let lines = 0;
    while (text.charCodeAt(end) === code.backslash && text.charCodeAt(end + 1) === code.newline) {
      const from = (end += 2);
      lines++;
      while (isClass(text.charCodeAt(end), characterClass.keyword)) end++;
      if (end === from) continue;
      word += text.slice(from, end);
      this.keywordEnd = end;
      this.keywordLines = lines;
    }
    if (end < text.length && !isClass(text.charCodeAt(end), characterClass.breaks)) return undefined;
    // `!(a|b)` is a pattern.
    if (word === '!' && beginsPattern(text, at)) return undefined;
    this.keywordFound = word;
    return word;
  }

  /** Goes over the word that {@link keyword} found. */
  takeKeyword(): void {
    this.at = this.keywordEnd;
    this.line += this.keywordLines;
  }
}

/** Where the line after the comment at `at` begins if that comment ends in a backslash; negative if it does not. */
export function continuedCommentEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end > at && text.charCodeAt(end - 1) === code.backslash ? end + 1 : -1;
}
