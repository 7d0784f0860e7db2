import { buildError } from '@melange2/diagnostics';
import { pb } from '@melange2/proto/llb';
import { errors } from './errors.ts';
import type { Node } from './node.ts';
import { capsOf, opMetadata, workerConstraints, type OpOptions } from './op-options.ts';
import { State } from './state.ts';

export interface PassthroughInput {
  readonly state: State;
  /** Whether the input is handed on; the others are only waited for. */
  readonly output?: boolean;
}

/**
 * Waits for all inputs and hands some of them on, in order. `id` tells ops with the same inputs apart.
 *
 * @throws {BuildError} LLB_PASSTHROUGH_INVALID without an id, an input that is not empty, or an output.
 */
export function passthrough(
  id: string,
  inputs: readonly PassthroughInput[],
  options: OpOptions = {},
): readonly State[] {
  const used = inputs.flatMap(({ state, output = false }) =>
    state.output === undefined ? [] : [{ state, from: state.output, output }],
  );
  const handedOn = used.flatMap(({ state, output }, input) => (output ? [{ state, input }] : []));
  const problem =
    id === ''
      ? 'it has no id'
      : used.length === 0
        ? 'all of its inputs are empty'
        : handedOn.length === 0
          ? 'none of its inputs is handed on'
          : undefined;
  if (problem !== undefined) throw buildError(errors, 'LLB_PASSTHROUGH_INVALID', { problem });
  const node = {
    options,
    dependencies: used.map(({ from }) => from.node),
    marshal: ({ options: base, digestOf, encode }) => ({
      bytes: encode(pb.Op, {
        inputs: used.map(({ from }) => digestOf(from)),
        constraints: workerConstraints(base, options),
        op: { kind: 'passthrough', value: { id, outputs: handedOn.map(({ input }) => input) } },
      }),
      metadata: opMetadata(base, options, capsOf(['passthroughop'])),
    }),
  } satisfies Node;
  return handedOn.map(({ state }, index) => new State({ node, index }, state.settings));
}
