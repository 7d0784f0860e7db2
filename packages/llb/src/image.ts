import { formatImageReference, parseImageReference } from './image-reference.ts';
import type { OpOptions } from './op-options.ts';
import type { ImageConfig } from './settings.ts';
import { SourceAttributes, sourceNode } from './source.ts';
import { stateOf, type State } from './state.ts';

export interface ImageOptions extends OpOptions {
  /** Whether to ask the registry: `pull` always, `local` only when there is none of the name. */
  readonly resolveMode?: 'default' | 'pull' | 'local';
  /** `internal` hides the image in the daemon's list of records. */
  readonly recordType?: 'internal';
  /** Takes only the first layers. */
  readonly layerLimit?: number;
  /** Digest the image must have, while the name is still what is asked for. */
  readonly checksum?: string;
  /** What a registry was found to have, so that the result is fixed and inherits the image's settings. */
  readonly resolved?: {
    /** Pins the reference. */
    readonly digest?: string;
    readonly config?: ImageConfig;
  };
}

/**
 * An image of a registry.
 *
 * Nothing of the image's configuration is known here, unless `resolved` has it: steps on it have no
 * variables and run in `/`.
 *
 * @throws {BuildError} LLB_IMAGE_REFERENCE_INVALID
 */
export function image(reference: string, options: ImageOptions = {}): State {
  const parsed = parseImageReference(reference);
  const digest = options.resolved?.digest ?? parsed.digest;
  const full = formatImageReference({
    ...parsed,
    ...(parsed.tag === undefined && parsed.digest === undefined ? { tag: 'latest' } : {}),
    ...(digest === undefined ? {} : { digest }),
  });
  const { resolveMode = 'default' } = options;
  const source = new SourceAttributes('source.image')
    .set('image.resolvemode', resolveMode === 'default' ? undefined : resolveMode)
    .need(resolveMode === 'pull' ? 'source.image.resolvemode' : undefined)
    .set('image.recordtype', options.recordType)
    .set('image.layerlimit', options.layerLimit, 'source.image.layerlimit')
    .set('image.checksum', options.checksum, 'source.image.checksum');
  const node = sourceNode({ identifier: `docker-image://${full}`, source, hasPlatform: true }, options);
  const state = stateOf({ node, index: 0 }, options.platform);
  return options.resolved?.config === undefined ? state : state.withImageConfig(options.resolved.config);
}
