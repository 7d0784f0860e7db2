import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import type { OpOptions } from './op-options.ts';
import { SourceAttributes, sourceNode } from './source.ts';
import { stateOf, type State } from './state.ts';

export interface OciLayoutOptions extends OpOptions {
  /** Session that serves the store. Leave it out to ask the build's own, which keeps digests stable. */
  readonly sessionId?: string;
  /** Name of the store; the daemon asks the session for `oci:<storeId>`. */
  readonly storeId?: string;
  /** Takes only the first layers. */
  readonly layerLimit?: number;
}

/**
 * An image of a content store that the client serves.
 *
 * `reference` is `NAME@sha256:DIGEST` of a manifest or index; the name is only shown.
 *
 * @throws {BuildError} LLB_SOURCE_INVALID when the reference is empty.
 */
export function ociLayout(reference: string, options: OciLayoutOptions = {}): State {
  if (reference === '') {
    throw buildError(errors, 'LLB_SOURCE_INVALID', {
      source: 'oci-layout://',
      problem: 'its reference is empty',
    });
  }
  const source = new SourceAttributes('source.ocilayout')
    .set('oci.session', options.sessionId)
    .set('oci.store', options.storeId)
    .set('oci.layerlimit', options.layerLimit);
  const node = sourceNode({ identifier: `oci-layout://${reference}`, source, hasPlatform: true }, options);
  return stateOf({ node, index: 0 }, options.platform);
}
