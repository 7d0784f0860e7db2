import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { formatImageReference, parseImageReference } from './image-reference.ts';
import type { OpOptions } from './op-options.ts';
import { setDownloadedFile, SourceAttributes, sourceNode, type DownloadedFile } from './source.ts';
import { stateOf, type State } from './state.ts';

export interface ImageBlobOptions extends OpOptions, DownloadedFile {}

export interface OciLayoutBlobOptions extends ImageBlobOptions {
  readonly sessionId?: string;
  readonly storeId?: string;
}

/**
 * One blob of a registry, as a file.
 *
 * @throws {BuildError} LLB_BLOB_REFERENCE_INVALID when the reference has a tag or no digest.
 */
export function imageBlob(reference: string, options: ImageBlobOptions = {}): State {
  return blob('docker-image+blob', reference, options);
}

/**
 * One blob of a content store that the client serves, as a file.
 *
 * @throws {BuildError} LLB_BLOB_REFERENCE_INVALID when the reference has a tag or no digest.
 */
export function ociLayoutBlob(reference: string, options: OciLayoutBlobOptions = {}): State {
  return blob('oci-layout+blob', reference, options);
}

function blob(scheme: string, reference: string, options: OciLayoutBlobOptions): State {
  const parsed = parseImageReference(reference);
  if (parsed.tag !== undefined || parsed.digest === undefined) {
    const problem = parsed.tag === undefined ? 'it has no digest' : 'a blob has no tag';
    throw buildError(errors, 'LLB_BLOB_REFERENCE_INVALID', { reference, problem });
  }
  const source = new SourceAttributes('source.imageblob')
    .set('oci.session', options.sessionId)
    .set('oci.store', options.storeId);
  setDownloadedFile(source, options);
  const node = sourceNode({ identifier: `${scheme}://${formatImageReference(parsed)}`, source }, options);
  return stateOf({ node, index: 0 }, options.platform);
}
