import { shiftTabs } from './shift-tabs.ts';
import type { Heredoc, Redirect, WordPart } from './syntax-tree.ts';

/**
 * What is printed so far, and what is owed before the next word.
 *
 * `line` is the line of the text that printing has come to. What stands further down begins a line of its own.
 */
export class Printer {
  out = '';
  line = 0;
  /** A space is due before the next word. */
  needsSpace = false;
  /** The next statement or closing word begins a line. */
  needsLine = false;
  /** A here-document was printed, so whatever comes next begins a line. */
  mustBreak = false;
  /** A separator was printed after the last statement. */
  separated = false;
  /** The operators of a list or pipeline that is broken over lines are indented once. */
  inBrokenChain = false;
  private level = 0;
  private lineLevel = 0;
  /** For every level that was opened, whether closing it takes a tab away. */
  private readonly opened: boolean[] = [];
  private begun = false;
  private due: { readonly redirect: Redirect; readonly heredoc: Heredoc }[] = [];
  private readonly printBody: (printer: Printer, parts: readonly WordPart[]) => void;

  constructor(printBody: (printer: Printer, parts: readonly WordPart[]) => void) {
    this.printBody = printBody;
  }

  reach(line: number): void {
    if (line > this.line) this.line = line;
  }

  space(): void {
    this.out += ' ';
    this.needsSpace = false;
  }

  /** Prints the space that is due. */
  pad(): void {
    if (this.needsSpace) this.space();
  }

  /** Prints a word of the grammar, with the space that is due before it. */
  token(text: string): void {
    this.pad();
    this.out += text;
    this.needsSpace = true;
  }

  /** Levels that are opened in one line are worth one tab together; the innermost of them holds it. */
  indent(): void {
    let holds = false;
    const last = this.opened.length - 1;
    if (this.level <= this.lineLevel || last < 0) {
      this.level++;
      holds = true;
    } else if (this.opened[last] === true) {
      this.opened[last] = false;
      holds = true;
    }
    this.opened.push(holds);
  }

  dedent(): void {
    if (this.opened.pop() === true) this.level--;
  }

  /** Moves lines one tab in without being a level: the end of an item of `case`. */
  shift(by: 1 | -1): void {
    this.level += by;
  }

  startsLine(line: number): boolean {
    return this.mustBreak || this.needsLine || line > this.line;
  }

  /** Begins a line if one is due before what stands in `line`; one empty line before it is kept. */
  lineBefore(line: number): void {
    if (!this.begun) {
      this.begun = true;
      return;
    }
    if (!this.startsLine(line)) return;
    this.flushHeredocs();
    this.out += '\n';
    this.needsSpace = false;
    this.needsLine = false;
    this.mustBreak = false;
    if (line > this.line + 1) this.out += '\n';
    this.reach(line);
    this.tabs();
  }

  /** Begins a line, whatever was before. */
  breakLine(line: number): void {
    this.flushHeredocs();
    this.out += '\n';
    this.needsSpace = false;
    this.needsLine = false;
    this.mustBreak = false;
    this.reach(line);
    this.tabs();
  }

  /** Continues the command in the next line. */
  continueLine(): void {
    this.pad();
    this.out += '\\\n';
    this.line++;
    this.tabs();
  }

  /** Prints escaped line ends up to `line`, inside quotes, where they vanish when the text is run. */
  escapeLines(line: number): void {
    for (; this.line < line; this.line++) this.out += '\\\n';
  }

  /** Prints a closing word at the beginning of a line if it stands in one of its own, else behind a `;`. */
  closing(word: string, line: number): void {
    if (this.startsLine(line)) this.lineBefore(line);
    else this.separate(line);
    this.out += word;
    this.needsSpace = true;
  }

  /** Prints `then` or `do`: behind a `;` unless what is before it had lines of its own. */
  opening(word: string, line: number): void {
    if (this.mustBreak || this.needsLine) this.breakLine(line);
    else this.separate(line);
    this.out += word;
    this.needsSpace = true;
  }

  closeParenthesis(line: number): void {
    this.lineBefore(line);
    this.out += ')';
    this.needsSpace = true;
  }

  /** Prints the body of a here-document as soon as the line ends. */
  expect(redirect: Redirect, heredoc: Heredoc): void {
    this.due.push({ redirect, heredoc });
  }

  flushHeredocs(): void {
    if (this.due.length === 0) return;
    const { due, level } = this;
    this.due = [];
    this.level = this.lineLevel;
    for (const { heredoc } of due) {
      this.out += '\n';
      this.needsSpace = false;
      this.needsLine = false;
      this.line++;
      if (heredoc.literal || heredoc.stripsTabs || heredoc.parts.length === 0) this.reach(heredoc.line);
      else this.escapeLines(heredoc.line);
      if (heredoc.stripsTabs) {
        const before = this.out;
        this.out = '';
        this.printBody(this, heredoc.parts);
        this.out = before + shiftTabs(this.out, this.level + 1);
        this.tabs();
      } else this.printBody(this, heredoc.parts);
      this.out += heredoc.delimiter;
      this.reach(heredoc.endLine);
    }
    this.level = level;
    this.mustBreak = true;
  }

  private separate(line: number): void {
    if (!this.separated) this.out += ';';
    this.space();
    this.reach(line);
  }

  private tabs(): void {
    this.lineLevel = this.level;
    if (this.level > 0) this.out += '\t'.repeat(this.level);
  }
}
