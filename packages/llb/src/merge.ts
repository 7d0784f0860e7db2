import { pb } from '@melange2/proto/llb';
import type { Node } from './node.ts';
import { capsOf, opMetadata, workerConstraints, type OpOptions } from './op-options.ts';
import { scratch, State } from './state.ts';

/**
 * Puts file systems on top of each other: what a later one has replaces what earlier ones have.
 *
 * On daemons with overlayfs the layers of the first are used as they are and the files of all others are linked one
 * by one, so put the largest first. Settings are those of the first. Empty file systems do not count.
 */
export function merge(states: readonly State[], options: OpOptions = {}): State {
  const inputs = states.flatMap((state) =>
    state.output === undefined ? [] : [{ state, output: state.output }],
  );
  const [first] = inputs;
  if (first === undefined) return scratch();
  if (inputs.length === 1) return first.state;
  const node = {
    options,
    dependencies: inputs.map(({ output }) => output.node),
    marshal: ({ options: base, digestOf, encode }) => ({
      bytes: encode(pb.Op, {
        inputs: inputs.map(({ output }) => digestOf(output)),
        constraints: workerConstraints(base, options),
        op: { kind: 'merge', value: { inputs: inputs.map((_, input) => ({ input })) } },
      }),
      metadata: opMetadata(base, options, capsOf(['mergeop'])),
    }),
  } satisfies Node;
  return new State({ node, index: 0 }, first.state.settings);
}
