import { pb } from '@melange2/proto/llb';
import type { Node } from './node.ts';
import { capsOf, opMetadata, workerConstraints, type OpOptions } from './op-options.ts';
import { State } from './state.ts';

/**
 * What has to be put on top of `lower` to get `upper`: new and changed files, and marks for deleted ones.
 *
 * Settings are those of `lower`. On the empty file system the difference is `upper` itself.
 */
export function diff(lower: State, upper: State, options: OpOptions = {}): State {
  const lowerOutput = lower.output;
  if (lowerOutput === undefined) return upper;
  const upperOutput = upper.output;
  const node = {
    options,
    dependencies: [lowerOutput.node, ...(upperOutput === undefined ? [] : [upperOutput.node])],
    marshal: ({ options: base, digestOf, encode }) => ({
      bytes: encode(pb.Op, {
        inputs: [digestOf(lowerOutput), ...(upperOutput === undefined ? [] : [digestOf(upperOutput)])],
        constraints: workerConstraints(base, options),
        op: { kind: 'diff', value: { lower: {}, upper: { input: upperOutput === undefined ? -1 : 1 } } },
      }),
      metadata: opMetadata(base, options, capsOf(['diffop'])),
    }),
  } satisfies Node;
  return new State({ node, index: 0 }, lower.settings);
}
