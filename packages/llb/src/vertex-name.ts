import type { pb } from '@melange2/proto/llb';
import type { Graph, GraphOp } from './graph.ts';

/**
 * Returns the names that a daemon shows for the ops of a graph, in their order: the custom name, else one made of
 * what the op does.
 */
export function vertexNames({ ops }: Graph): readonly string[] {
  const names: string[] = [];
  for (const op of ops) {
    const inputs = op.inputs.map(({ number }) => names[number - 1]!);
    names.push(op.metadata?.description.get('llb.customname') ?? defaultName(op, inputs));
  }
  return names;
}

function defaultName({ message: { op } }: GraphOp, inputs: readonly string[]): string {
  switch (op?.kind) {
    case 'source':
      return op.value.identifier;
    case 'exec':
      return (op.value.meta?.args ?? []).join(' ');
    case 'file':
      return op.value.actions.map(actionName).join(', ');
    case 'merge':
      return `merge (${op.value.inputs.map(({ input }) => inputs[Number(input)]).join(', ')})`;
    case 'diff':
      return `diff ${sideName(op.value.lower?.input, inputs)} -> ${sideName(op.value.upper?.input, inputs)}`;
    case 'passthrough':
      return `passthrough ${op.value.id}`;
    case 'build':
      return 'build';
    case undefined:
      return '';
  }
}

function sideName(input: bigint | undefined, inputs: readonly string[]): string {
  const name = inputs[Number(input ?? 0n)];
  return name === undefined ? 'scratch' : `(${name})`;
}

function actionName({ action }: pb.FileAction): string {
  switch (action?.kind) {
    case 'mkdir':
    case 'mkfile':
    case 'rm':
      return `${action.kind} ${action.value.path}`;
    case 'symlink':
      return `symlink ${action.value.newpath} -> ${action.value.oldpath}`;
    case 'copy':
      return `copy ${action.value.src} ${action.value.dest}`;
    case undefined:
      return '';
  }
}
