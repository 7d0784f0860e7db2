/**
 * A value as Go's templates see it: with its Go type, since what is printed, compared and refused depends on it.
 *
 * `text` is what a value of a type with a `String` method prints.
 */
export type GoValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'nil' }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'int'; readonly type: string; readonly value: bigint; readonly text?: string }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly type: string; readonly value: string }
  | { readonly kind: 'list'; readonly type: string; readonly items: readonly GoValue[] }
  | {
      readonly kind: 'map';
      readonly type: string;
      readonly entries: ReadonlyMap<string, GoValue>;
      /** What a key that is not there has. */
      readonly zero: GoValue;
    }
  | GoStruct
  | {
      readonly kind: 'pointer';
      readonly type: string;
      readonly to: GoStruct | undefined;
      readonly text?: string;
    }
  /** A function that yields its values one by one. */
  | { readonly kind: 'sequence'; readonly items: readonly GoValue[] };

export interface GoStruct {
  readonly kind: 'struct';
  readonly type: string;
  /** In the order of their declaration. */
  readonly fields: Readonly<Record<string, GoValue>>;
  readonly methods?: Readonly<Record<string, GoMethod>>;
}

export interface GoMethod {
  readonly parameters: number;
  /** May throw a {@link TemplateFailure}. */
  readonly call: (args: readonly GoValue[]) => GoValue;
}

/** Why a template ends while it runs. The runner adds where. */
export class TemplateFailure extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'TemplateFailure';
  }
}

/** What is not there at all: printed as `<no value>`. */
export const none: GoValue = { kind: 'none' };

export const goBool = (value: boolean): GoValue => ({ kind: 'bool', value });

export const goInt = (value: number | bigint, type = 'int'): GoValue => ({
  kind: 'int',
  type,
  value: BigInt(value),
});

export const goString = (value: string, type = 'string'): GoValue => ({ kind: 'string', type, value });

export const goStrings = (items: readonly string[]): GoValue => ({
  kind: 'list',
  type: '[]string',
  items: items.map((item) => goString(item)),
});

export const goStringMap = (map: Readonly<Record<string, string>>, type = 'map[string]string'): GoValue => ({
  kind: 'map',
  type,
  entries: sortedEntries(map, (value) => goString(value)),
  zero: goString(''),
});

/** The entries of a record in the order that Go goes through a map in templates. */
export function sortedEntries<T>(
  map: Readonly<Record<string, T>>,
  change: (value: T) => GoValue,
): ReadonlyMap<string, GoValue> {
  const entries = Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return new Map(entries.map(([key, value]) => [key, change(value)]));
}

/** The Go type of a value, as messages and `%T` show it. */
export function typeOf(value: GoValue): string {
  switch (value.kind) {
    case 'none':
    case 'nil':
      return '<nil>';
    case 'bool':
      return 'bool';
    case 'float':
      return 'float64';
    case 'sequence':
      return 'iter.Seq[string]';
    default:
      return value.type;
  }
}

/** What a pointer leads to; any other value itself. */
export function pointedTo(value: GoValue): GoValue {
  return value.kind === 'pointer' && value.to !== undefined ? value.to : value;
}

/** Whether `if`, `and`, `or`, `not` and `with` take a value for true: what is not empty. */
export function isTrue(value: GoValue): boolean {
  switch (value.kind) {
    case 'none':
    case 'nil':
      return false;
    case 'bool':
      return value.value;
    case 'int':
      return value.value !== 0n;
    case 'float':
      return value.value !== 0;
    case 'string':
      return value.value !== '';
    case 'list':
      return value.items.length > 0;
    case 'map':
      return value.entries.size > 0;
    case 'pointer':
      return value.to !== undefined;
    case 'struct':
    case 'sequence':
      return true;
  }
}
