/** A statement with all that belongs to it. Lines count from 1 and are those of the text it was read from. */
export interface Statement {
  readonly line: number;
  /** The last line it has characters in, without the bodies of its here-documents. */
  readonly endLine: number;
  readonly negated: boolean;
  /** Where it goes on behind `!`. */
  readonly commandLine: number;
  readonly command: Command | undefined;
  readonly redirects: readonly Redirect[];
  readonly background: boolean;
  /** The line of the `;` or `&` after it; 0 for none. */
  readonly separatorLine: number;
}

export interface Redirect {
  readonly line: number;
  readonly offset: number;
  /** What stands before the operator: `2`, `{fd}`, or nothing. */
  readonly descriptor: string;
  readonly operator: string;
  readonly target: Word;
  readonly heredoc: Heredoc | undefined;
}

/** The body of a here-document. It is filled when the line with its redirection ends. */
export interface Heredoc {
  readonly offset: number;
  readonly delimiter: string;
  /** `<<-`: tabs before its lines do not count. */
  readonly stripsTabs: boolean;
  /** Its delimiter is quoted, so nothing in the body is expanded. */
  readonly literal: boolean;
  parts: readonly WordPart[];
  line: number;
  endLine: number;
}

export type Command =
  | Printed
  | SimpleCommand
  | Declaration
  | Chain
  | { readonly kind: 'block'; readonly body: readonly Statement[]; readonly endLine: number }
  | {
      readonly kind: 'subshell';
      readonly line: number;
      readonly body: readonly Statement[];
      readonly endLine: number;
    }
  | If
  | {
      readonly kind: 'while';
      readonly keyword: 'while' | 'until';
      readonly condition: readonly Statement[];
      readonly loop: LoopBody;
    }
  | {
      readonly kind: 'for';
      readonly keyword: 'for' | 'select';
      readonly name: string;
      /** `undefined` without `in`. */
      readonly words: readonly Word[] | undefined;
      readonly loop: LoopBody;
    }
  | {
      readonly kind: 'arithmeticFor';
      readonly header: readonly [Arithmetic | undefined, Arithmetic | undefined, Arithmetic | undefined];
      readonly loop: LoopBody;
    }
  | Case
  | {
      readonly kind: 'function';
      readonly keyword: boolean;
      readonly parentheses: boolean;
      readonly name: string;
      readonly body: Statement;
    }
  | { readonly kind: 'arithmetic'; readonly expression: Arithmetic }
  | { readonly kind: 'let'; readonly expressions: readonly Arithmetic[] }
  | { readonly kind: 'test'; readonly expression: TestExpression }
  | { readonly kind: 'time'; readonly posix: boolean; readonly statement: Statement | undefined }
  | { readonly kind: 'coproc'; readonly name: string | undefined; readonly statement: Statement };

/** A command that is written as it is printed. */
export interface Printed {
  readonly kind: 'printed';
  readonly text: string;
  readonly offset: number;
  readonly line: number;
  readonly endLine: number;
}

export interface SimpleCommand {
  readonly kind: 'simple';
  readonly assignments: readonly Assignment[];
  readonly words: readonly Word[];
}

/** `export`, `local` and their like, whose arguments may be assignments of arrays. */
export interface Declaration {
  readonly kind: 'declaration';
  readonly keyword: string;
  readonly arguments: readonly (Assignment | Word)[];
}

/** Statements joined by operators: a pipeline, or a list of `&&` and `||`. */
export interface Chain {
  readonly kind: 'pipeline' | 'list';
  readonly first: Statement;
  readonly rest: readonly {
    readonly operator: string;
    readonly line: number;
    readonly statement: Statement;
  }[];
}

export interface LoopBody {
  readonly line: number;
  readonly body: readonly Statement[];
  readonly endLine: number;
}

export interface If {
  readonly kind: 'if';
  /** The `if` and every `elif`. */
  readonly branches: readonly {
    readonly line: number;
    readonly condition: readonly Statement[];
    readonly thenLine: number;
    readonly body: readonly Statement[];
  }[];
  readonly otherwise: { readonly line: number; readonly body: readonly Statement[] } | undefined;
  readonly endLine: number;
}

export interface Case {
  readonly kind: 'case';
  readonly word: Word;
  readonly inLine: number;
  readonly items: readonly CaseItem[];
  readonly endLine: number;
}

export interface CaseItem {
  readonly line: number;
  readonly patterns: readonly Word[];
  readonly body: readonly Statement[];
  readonly terminator: string;
  /** 0 where the last item has none. */
  readonly terminatorLine: number;
}

export interface Assignment {
  readonly kind: 'assignment';
  readonly line: number;
  readonly name: string;
  readonly index: Arithmetic | undefined;
  readonly appends: boolean;
  readonly value: Word | undefined;
  readonly array: { readonly elements: readonly ArrayElement[]; readonly endLine: number } | undefined;
}

export interface ArrayElement {
  readonly line: number;
  readonly index: Arithmetic | undefined;
  readonly value: Word | undefined;
}

export interface Word {
  readonly kind: 'word';
  readonly line: number;
  readonly offset: number;
  readonly parts: readonly WordPart[];
}

/** A part that is printed as it was written: unquoted text, single quotes, patterns. */
export interface TextPart {
  readonly kind: 'text';
  readonly text: string;
  readonly line: number;
  readonly endLine: number;
}

export type WordPart =
  | TextPart
  | {
      readonly kind: 'quoted';
      /** `"` or `$"`. */
      readonly open: string;
      readonly parts: readonly WordPart[];
      readonly line: number;
      readonly endLine: number;
    }
  | {
      readonly kind: 'command';
      /** `$(`, `<(` or `>(`; backquotes are `$(`. */
      readonly open: string;
      readonly body: readonly Statement[];
      readonly line: number;
      readonly endLine: number;
    }
  | {
      readonly kind: 'arithmetic';
      readonly expression: Arithmetic;
      readonly line: number;
      readonly endLine: number;
    }
  | Parameter
  | {
      /** An element of an array inside arithmetic: `a[i]`. */
      readonly kind: 'element';
      readonly name: string;
      readonly index: Arithmetic;
      readonly line: number;
      readonly endLine: number;
    };

/** `${...}`: pieces that are printed one after the other. */
export interface Parameter {
  readonly kind: 'parameter';
  readonly pieces: readonly ParameterPiece[];
  readonly line: number;
  readonly endLine: number;
}

export type ParameterPiece =
  | { readonly kind: 'plain'; readonly text: string }
  | { readonly kind: 'index'; readonly expression: Arithmetic }
  | { readonly kind: 'slice'; readonly expression: Arithmetic; readonly first: boolean }
  | Word;

export type Arithmetic =
  | Word
  | {
      readonly kind: 'unary';
      readonly operator: string;
      readonly postfix: boolean;
      readonly operand: Arithmetic;
    }
  | { readonly kind: 'group'; readonly inner: Arithmetic }
  | {
      /** Operands in the order they were written: how tightly operators bind does not matter for printing. */
      readonly kind: 'terms';
      readonly first: Arithmetic;
      readonly rest: readonly { readonly operator: string; readonly operand: Arithmetic }[];
    };

export type TestExpression =
  | Word
  | {
      readonly kind: 'testUnary';
      readonly line: number;
      readonly operator: string;
      readonly operand: TestExpression;
    }
  | {
      readonly kind: 'testBinary';
      readonly line: number;
      readonly left: TestExpression;
      readonly operator: string;
      readonly right: TestExpression;
    }
  | { readonly kind: 'testGroup'; readonly line: number; readonly inner: TestExpression };
