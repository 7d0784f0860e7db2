import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import type { OpOptions } from './op-options.ts';
import { SourceAttributes, sourceNode } from './source.ts';
import { stateOf, type State } from './state.ts';

export interface LocalOptions extends OpOptions {
  /** Session that sends the directory; absent: the build's own. */
  readonly sessionId?: string;
  readonly includePatterns?: readonly string[];
  readonly excludePatterns?: readonly string[];
  /** Paths whose targets are sent too, where they are links. */
  readonly followPaths?: readonly string[];
  /** Directories with the same hint share what has been sent before. */
  readonly sharedKeyHint?: string;
  /** How the daemon finds what has changed. */
  readonly differ?: { readonly type: 'none' | 'metadata'; readonly required?: boolean };
  /** Sends names, modes and times, not contents. */
  readonly metadataOnly?: boolean;
  /** Patterns of files whose contents are sent all the same. */
  readonly metadataOnlyExcept?: readonly string[];
}

/**
 * A directory of the client, sent by its session under this name.
 *
 * A daemon shares vertices with the same digest between the solves that run at the same time, and then all of them see
 * the files that one of the sessions sent. Give a directory, or marshalling, a `localUniqueId` that is that of the
 * files, or is new for each solve. What was sent before is found by name and `sharedKeyHint`: a new id sends nothing again.
 *
 * @throws {BuildError} LLB_SOURCE_INVALID when the name is empty.
 */
export function local(name: string, options: LocalOptions = {}): State {
  if (name === '') {
    throw buildError(errors, 'LLB_SOURCE_INVALID', { source: 'local://', problem: 'its name is empty' });
  }
  const source = new SourceAttributes('source.local')
    .set('local.session', options.sessionId, 'source.local.sessionid')
    .list('local.includepattern', options.includePatterns, 'source.local.includepatterns')
    .list('local.excludepatterns', options.excludePatterns, 'source.local.excludepatterns')
    .list('local.followpaths', options.followPaths, 'source.local.followpaths')
    .set('local.sharedkeyhint', options.sharedKeyHint, 'source.local.sharedkeyhint')
    .set('local.differ', options.differ?.type, options.differ?.required ? 'source.local.differ' : undefined)
    .flag('local.metadatatransfer', options.metadataOnly, 'source.local.metadatatransfer')
    .list('local.metadatatransferexclude', options.metadataOnly ? options.metadataOnlyExcept : undefined);
  const node = sourceNode(
    { identifier: `local://${name}`, source, isUnique: options.sessionId === undefined },
    options,
  );
  return stateOf({ node, index: 0 }, options.platform);
}
