/** A template, read. Offsets count in its text. */
export interface Template {
  readonly text: string;
  readonly body: readonly TemplateNode[];
  /** What `define` and `block` define, by name. */
  readonly definitions: ReadonlyMap<string, readonly TemplateNode[]>;
}

export type TemplateNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipe: Pipe }
  | BranchNode
  | { readonly kind: 'break' | 'continue' }
  | {
      readonly kind: 'template';
      readonly name: string;
      readonly pipe: Pipe | undefined;
      readonly start: number;
    };

/** An `if`, `with` or `range`. */
export interface BranchNode {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipe: Pipe;
  readonly body: readonly TemplateNode[];
  readonly otherwise: readonly TemplateNode[];
}

/** Commands, each taking what the one before gave; the result may go into variables. */
export interface Pipe {
  readonly variables: readonly string[];
  /** `:=` makes the variables, `=` changes them. */
  readonly declares: boolean;
  readonly commands: readonly Command[];
}

export interface Command {
  readonly operands: readonly [Operand, ...Operand[]];
}

export type Operand = { readonly start: number; readonly end: number } & (
  | { readonly kind: 'dot' | 'nil' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'function'; readonly name: string }
  /** Fields of the dot. */
  | { readonly kind: 'field'; readonly fields: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly fields: readonly string[] }
  /** A pipe in parentheses, and fields of its result. */
  | { readonly kind: 'pipe'; readonly pipe: Pipe; readonly fields: readonly string[] }
);
