import type { YamlScalar } from './yaml-node.ts';

/** What a scalar means by YAML's rules, before a field says what it wants. */
export interface ResolvedScalar {
  /** `!!null`, `!!bool`, `!!int`, `!!float`, `!!timestamp`, `!!str`, `!!binary`, `!!merge`, or a tag of its own. */
  readonly tag: string;
  readonly value: null | boolean | bigint | number | string;
  /** The scalar's tag forbids its text, such as `!!int x`. */
  readonly invalid?: true;
}

const words: ReadonlyMap<string, ResolvedScalar> = new Map<string, ResolvedScalar>([
  ...['', '~', 'null', 'Null', 'NULL'].map((w) => [w, { tag: '!!null', value: null }] as const),
  ...['true', 'True', 'TRUE'].map((w) => [w, { tag: '!!bool', value: true }] as const),
  ...['false', 'False', 'FALSE'].map((w) => [w, { tag: '!!bool', value: false }] as const),
  ...['.nan', '.NaN', '.NAN'].map((w) => [w, { tag: '!!float', value: Number.NaN }] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map(
    (w) => [w, { tag: '!!float', value: Number.POSITIVE_INFINITY }] as const,
  ),
  ...['-.inf', '-.Inf', '-.INF'].map(
    (w) => [w, { tag: '!!float', value: Number.NEGATIVE_INFINITY }] as const,
  ),
  ['<<', { tag: '!!merge', value: '<<' }],
]);

const resolvable: ReadonlySet<string> = new Set([
  '!!str',
  '!!bool',
  '!!int',
  '!!float',
  '!!null',
  '!!timestamp',
]);

/**
 * Resolves a scalar as yaml.v3 does: YAML 1.2's words, numbers of both versions (`0o17`, `017`, `0x1f`,
 * `1_000`), time stamps.
 *
 * @see https://github.com/go-yaml/yaml/blob/v3.0.1/resolve.go
 */
export function resolveScalar(node: YamlScalar): ResolvedScalar {
  const { text, tag } = node;
  if (tag === '!!binary') return { tag, value: text };
  if (tag !== undefined && tag !== '!' && !resolvable.has(tag)) return { tag, value: text };
  if (tag === '!!str' || tag === '!' || (tag === undefined && node.style !== 'plain')) {
    return { tag: '!!str', value: text };
  }
  const found = resolvePlain(text, tag);
  if (tag === undefined || found.tag === tag) return found;
  if (tag === '!!float' && typeof found.value === 'bigint') return { tag, value: Number(found.value) };
  return { ...found, invalid: true };
}

function resolvePlain(text: string, tag: string | undefined): ResolvedScalar {
  const word = words.get(text);
  if (word !== undefined) return word;
  const first = text.charAt(0);
  if (first === '.') {
    if (/^\.[0-9]+([eE][-+]?[0-9]+)?$/.test(text)) return { tag: '!!float', value: Number(text) };
  } else if (/[-+0-9]/.test(first)) {
    if ((tag === undefined || tag === '!!timestamp') && timestamp.test(text))
      return { tag: '!!timestamp', value: text };
    const plain = text.replaceAll('_', '');
    const int = parseGoInt(plain);
    if (int !== undefined) return { tag: '!!int', value: int };
    if (floatStyle.test(plain)) return { tag: '!!float', value: Number(plain) };
  }
  return { tag: '!!str', value: text };
}

const timestamp =
  /^\d{4}-\d{1,2}-\d{1,2}(?:(?:[tT]|[ \t]+)\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::?\d\d)?))?)?$/;
const floatStyle = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;

/** Integers in Go's notation; `undefined` for other texts and beyond 64 bits. */
function parseGoInt(text: string): bigint | undefined {
  const match = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/.exec(text);
  if (match === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = match;
  const digits =
    hex !== undefined
      ? `0x${hex}`
      : binary !== undefined
        ? `0b${binary}`
        : octal !== undefined
          ? `0o${octal}`
          : (decimal ?? '0');
  const value = BigInt(digits) * (sign === '-' ? -1n : 1n);
  if (value < -(2n ** 63n)) return undefined;
  if (value >= 2n ** (sign === '' ? 64n : 63n)) return undefined;
  return value;
}
