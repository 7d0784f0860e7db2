import type { pb } from '@melange2/proto/llb';
import { readGraph, type Graph, type GraphOp } from './graph.ts';
import { vertexNames } from './vertex-name.ts';

export interface DrawOptions {
  /** Longer names are cut. Default 60. */
  readonly maxNameLength?: number;
}

/**
 * Draws a definition in the language of Graphviz.
 *
 * @throws {BuildError} LLB_DEFINITION_INVALID
 */
export function definitionToDot(definition: pb.Definition, options: DrawOptions = {}): string {
  const { graph, names } = prepare(definition, options);
  const quote = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  return [
    'digraph llb {',
    '  node [shape=box];',
    ...graph.ops.map((op, i) => `  n${op.number} [label=${quote(names[i]!)}, shape=${dotShapes[op.kind]}];`),
    ...edges(graph).map(({ from, to, label }) => {
      return `  n${from} -> n${to}${label === '' ? '' : ` [label=${quote(label)}]`};`;
    }),
    ...(graph.result === undefined
      ? []
      : [`  n${graph.result.number} -> result;`, '  result [shape=plaintext];']),
    '}',
    '',
  ].join('\n');
}

/**
 * Draws a definition in the language of Mermaid, which GitHub shows in Markdown.
 *
 * @throws {BuildError} LLB_DEFINITION_INVALID
 */
export function definitionToMermaid(definition: pb.Definition, options: DrawOptions = {}): string {
  const { graph, names } = prepare(definition, options);
  const quote = (text: string): string => `"${text.replace(/["#<>&\\`]/g, (c) => `#${c.charCodeAt(0)};`)}"`;
  return [
    'flowchart TD',
    ...graph.ops.map((op, i) => {
      const [open, close] = mermaidShapes[op.kind];
      return `  n${op.number}${open}${quote(names[i]!)}${close}`;
    }),
    ...edges(graph).map(({ from, to, label }) => {
      return `  n${from} -->${label === '' ? '' : `|${quote(label)}|`} n${to}`;
    }),
    ...(graph.result === undefined ? [] : [`  n${graph.result.number} --> result([result])`]),
    '',
  ].join('\n');
}

const dotShapes: Readonly<Record<GraphOp['kind'], string>> = {
  source: 'ellipse',
  exec: 'box',
  file: 'note',
  build: 'box3d',
  merge: 'invtriangle',
  diff: 'triangle',
  passthrough: 'hexagon',
};

const mermaidShapes: Readonly<Record<GraphOp['kind'], readonly [string, string]>> = {
  source: ['([', '])'],
  exec: ['[', ']'],
  file: ['>', ']'],
  build: ['[[', ']]'],
  merge: ['[\\', '/]'],
  diff: ['[/', '\\]'],
  passthrough: ['{{', '}}'],
};

function prepare(
  definition: pb.Definition,
  { maxNameLength = 60 }: DrawOptions,
): { readonly graph: Graph; readonly names: readonly string[] } {
  const graph = readGraph(definition);
  const names = vertexNames(graph).map((name) => {
    const line = name.replace(/\s+/g, ' ').trim();
    return line.length <= maxNameLength ? line : `${line.slice(0, maxNameLength - 1)}…`;
  });
  return { graph, names };
}

interface Edge {
  readonly from: number;
  readonly to: number;
  /** Where the step has it, when that is not its root. */
  readonly label: string;
}

function edges({ ops }: Graph): readonly Edge[] {
  return ops.flatMap((op) =>
    op.inputs.map(({ number }, i) => ({ from: number, to: op.number, label: labelOf(op, i) })),
  );
}

function labelOf({ message: { op } }: GraphOp, input: number): string {
  if (op?.kind === 'exec') {
    const dests = op.value.mounts.filter((m) => Number(m.input) === input).map((m) => m.dest);
    return dests.includes('/') ? '' : dests.join(' ');
  }
  if (op?.kind === 'diff') return Number(op.value.lower?.input ?? 0n) === input ? 'lower' : 'upper';
  return '';
}
