import { buildError } from '@melange2/diagnostics';
import { pb } from '@melange2/proto/llb';
import { errors } from './errors.ts';
import type { Node } from './node.ts';
import { capsOf, opMetadata, workerConstraints, type OpOptions } from './op-options.ts';
import { platformMessage } from './platform.ts';
import { stateOf, type State } from './state.ts';

export interface BuildOptions extends OpOptions {
  /** File with the definition; default `buildkit.llb.definition`. */
  readonly filename?: string;
}

/**
 * Builds the definition that lies in a file of `source`, and gives its result.
 *
 * @throws {BuildError} LLB_SOURCE_INVALID when `source` is empty.
 */
export function build(source: State, options: BuildOptions = {}): State {
  const { output } = source;
  if (output === undefined) {
    throw buildError(errors, 'LLB_SOURCE_INVALID', {
      source: 'scratch',
      problem: 'a definition cannot be read from the empty file system',
    });
  }
  const node = {
    options,
    dependencies: [output.node],
    marshal: ({ options: base, digestOf, encode }) => ({
      bytes: encode(pb.Op, {
        inputs: [digestOf(output)],
        platform: platformMessage(options.platform ?? base.platform),
        constraints: workerConstraints(base, options),
        op: {
          kind: 'build',
          value: {
            // The builder that is built in.
            builder: -1,
            inputs: { 'buildkit.llb.definition': { input: 0 } },
            attrs: options.filename === undefined ? {} : { 'llbbuild.filename': options.filename },
          },
        },
      }),
      metadata: opMetadata(base, options, capsOf(['source.buildop.llbfilename'])),
    }),
  } satisfies Node;
  return stateOf({ node, index: 0 }, undefined, source.settings);
}
