import type { pb } from '@melange2/proto/llb';
import { readGraph, type Graph, type GraphInput, type GraphOp } from './graph.ts';
import { metadataFields, opFields, type OpField } from './op-fields.ts';
import { vertexNames } from './vertex-name.ts';

/** A field that two ops do not have in common. A side that has its default is undefined. */
export interface FieldChange {
  /** Path in the wire interface, such as `exec.meta.cwd`, `inputs[1]` or `metadata.ignore_cache`. */
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** An op that one definition has and the other has not, or has in another form. */
export type OpChange =
  | { readonly kind: 'added'; readonly op: GraphOp; readonly name: string }
  | { readonly kind: 'removed'; readonly op: GraphOp; readonly name: string }
  | {
      readonly kind: 'changed';
      readonly before: GraphOp;
      readonly after: GraphOp;
      /** Name of the op before. */
      readonly name: string;
      readonly fields: readonly FieldChange[];
    }
  /** Another op, or another output of it, is the result. */
  | { readonly kind: 'result'; readonly before: string; readonly after: string };

/**
 * Tells what differs between two definitions, first op first.
 *
 * An op does not count as changed because one that it needs is: its inputs are compared by which ops they are, not by
 * digest. So the first change is why the digests part, and the cache is lost from there on. Changes of metadata alone
 * (names, cache) are told too, though they leave the digest as it is; capabilities and source maps are not compared.
 *
 * @throws {BuildError} LLB_DEFINITION_INVALID
 */
export function diffDefinitions(before: pb.Definition, after: pb.Definition): readonly OpChange[] {
  const [a, b] = [readSide(before), readSide(after)];
  const pairs = pairOps(a, b);
  const partner = new Map(pairs.map(([x, y]) => [x, y]));
  const changes: PlacedChange[] = [];
  for (const [i, j] of pairs) {
    const fields = fieldChanges(a, i, b, j, partner);
    const [from, to] = [a.graph.ops[i]!, b.graph.ops[j]!];
    if (fields.length > 0) {
      changes.push({ kind: 'changed', before: from, after: to, name: a.names[i]!, fields, at: j });
    }
  }
  const added = new Set(pairs.map(([, j]) => j));
  for (const [j, op] of b.graph.ops.entries()) {
    if (!added.has(j)) changes.push({ kind: 'added', op, name: b.names[j]!, at: j });
  }
  for (const [i, op] of a.graph.ops.entries()) {
    // A removed op stands where the next one that is left stands.
    if (!partner.has(i))
      changes.push({ kind: 'removed', op, name: a.names[i]!, at: nextPartner(i, a, partner) - 0.5 });
  }
  changes.push(...resultChange(a.graph, b.graph, partner));
  return changes.toSorted((x, y) => x.at - y.at).map(({ at: _, ...change }) => change);
}

type PlacedChange = OpChange & { readonly at: number };

function resultChange(a: Graph, b: Graph, partner: ReadonlyMap<number, number>): readonly PlacedChange[] {
  const [before, after] = [a.result, b.result];
  if (before === undefined && after === undefined) return [];
  if (before !== undefined && after !== undefined && sameInput(before, after, partner)) return [];
  const text = (input: GraphInput | undefined): string =>
    input === undefined ? 'scratch' : inputText(input);
  return [{ kind: 'result', before: text(before), after: text(after), at: Number.POSITIVE_INFINITY }];
}

/** Writes what differs for people, one line a change and one for each of its fields; empty when nothing does. */
export function formatDefinitionDiff(changes: readonly OpChange[]): string {
  const lines = changes.flatMap((change) => {
    switch (change.kind) {
      case 'added':
        return [`+ %${change.op.number} ${change.op.kind} ${change.name}`];
      case 'removed':
        return [`- %${change.op.number} ${change.op.kind} ${change.name}`];
      case 'changed': {
        const { before, after, name, fields } = change;
        const numbers =
          before.number === after.number ? `%${before.number}` : `%${before.number} -> %${after.number}`;
        return [
          `~ ${numbers} ${after.kind} ${name}`,
          ...fields.map((f) => `    ${f.path}: ${f.before ?? '(default)'} -> ${f.after ?? '(default)'}`),
        ];
      }
      case 'result':
        return [`~ result: ${change.before} -> ${change.after}`];
    }
    return [];
  });
  return lines.map((line) => `${line.replaceAll('\n', '\\n')}\n`).join('');
}

interface Side {
  readonly graph: Graph;
  readonly names: readonly string[];
  readonly fields: readonly (readonly OpField[])[];
  /** What an op is, whatever it is built on. */
  readonly keys: readonly string[];
}

function readSide(definition: pb.Definition): Side {
  const graph = readGraph(definition);
  const fields = graph.ops.map(opFields);
  return {
    graph,
    names: vertexNames(graph),
    fields,
    keys: graph.ops.map((op, i) => JSON.stringify([op.kind, fields[i]])),
  };
}

type Pair = readonly [before: number, after: number];

/** Pairs equal ops, in order, as many as can be; between them those of the same kind. */
function pairOps(a: Side, b: Side): readonly Pair[] {
  const equal = longestCommon(a.keys, b.keys);
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  for (const [nextI, nextJ] of [...equal, [a.keys.length, b.keys.length] as const]) {
    while (i < nextI && j < nextJ) {
      const [x, y] = [a.graph.ops[i]!, b.graph.ops[j]!];
      if (x.kind === y.kind) pairs.push([i++, j++]);
      else if (nextI - i > nextJ - j) i++;
      else j++;
    }
    if (nextI < a.keys.length) pairs.push([nextI, nextJ]);
    [i, j] = [nextI + 1, nextJ + 1];
  }
  return pairs;
}

/** Larger tables would take more memory than the answer is worth; then only equal ends are found. */
const largestTable = 4_000_000;

function longestCommon(a: readonly string[], b: readonly string[]): readonly Pair[] {
  let head = 0;
  while (head < Math.min(a.length, b.length) && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < Math.min(a.length, b.length) - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const [rows, columns] = [a.length - head - tail, b.length - head - tail];
  const middle: Pair[] = [];
  if (rows > 0 && columns > 0 && rows * columns <= largestTable) {
    const width = columns + 1;
    const lengths = new Uint32Array((rows + 1) * width);
    for (let i = rows - 1; i >= 0; i--) {
      for (let j = columns - 1; j >= 0; j--) {
        lengths[i * width + j] =
          a[head + i] === b[head + j]
            ? lengths[(i + 1) * width + j + 1]! + 1
            : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
      }
    }
    for (let i = 0, j = 0; i < rows && j < columns;) {
      if (a[head + i] === b[head + j]) middle.push([head + i++, head + j++]);
      else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
      else j++;
    }
  }
  return [
    ...Array.from({ length: head }, (_, i): Pair => [i, i]),
    ...middle,
    ...Array.from({ length: tail }, (_, i): Pair => [a.length - tail + i, b.length - tail + i]),
  ];
}

function nextPartner(from: number, a: Side, partner: ReadonlyMap<number, number>): number {
  for (let i = from + 1; i < a.keys.length; i++) {
    const found = partner.get(i);
    if (found !== undefined) return found;
  }
  return Number.POSITIVE_INFINITY;
}

function fieldChanges(
  a: Side,
  i: number,
  b: Side,
  j: number,
  partner: ReadonlyMap<number, number>,
): readonly FieldChange[] {
  const [from, to] = [a.graph.ops[i]!, b.graph.ops[j]!];
  return [
    ...inputChanges(from.inputs, to.inputs, partner),
    ...compare(a.fields[i]!, b.fields[j]!),
    ...compare(metadataFields(from.metadata), metadataFields(to.metadata)),
  ];
}

function inputChanges(
  before: readonly GraphInput[],
  after: readonly GraphInput[],
  partner: ReadonlyMap<number, number>,
): readonly FieldChange[] {
  const text = (input: GraphInput | undefined): string | undefined =>
    input === undefined ? undefined : inputText(input);
  return Array.from({ length: Math.max(before.length, after.length) }, (_, n) => n).flatMap((n) => {
    const [x, y] = [before[n], after[n]];
    const same = x !== undefined && y !== undefined && sameInput(x, y, partner);
    return same ? [] : [{ path: `inputs[${n}]`, before: text(x), after: text(y) }];
  });
}

function sameInput(before: GraphInput, after: GraphInput, partner: ReadonlyMap<number, number>): boolean {
  return before.index === after.index && partner.get(before.number - 1) === after.number - 1;
}

function inputText({ number, index }: GraphInput): string {
  return index === 0 ? `%${number}` : `%${number}[${index}]`;
}

function compare(before: readonly OpField[], after: readonly OpField[]): readonly FieldChange[] {
  const [x, y] = [new Map(before), new Map(after)];
  const paths = new Set([...x.keys(), ...y.keys()]);
  return [...paths].flatMap((path) =>
    x.get(path) === y.get(path) ? [] : [{ path, before: x.get(path), after: y.get(path) }],
  );
}
