import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import type { OpOptions } from './op-options.ts';
import { setDownloadedFile, SourceAttributes, sourceNode, type DownloadedFile } from './source.ts';
import { stateOf, type State } from './state.ts';

export interface HttpOptions extends OpOptions, DownloadedFile {
  /** Digest of the contents. With it a cached file is not asked for again. */
  readonly checksum?: string;
  /** Secret whose value is sent as the Authorization header. */
  readonly authHeaderSecret?: string;
  readonly header?: { readonly accept?: string; readonly userAgent?: string };
  /** Detached signature the contents must have. */
  readonly signature?: { readonly pubKey: string; readonly signature: string };
}

/**
 * A file of a web server. `http://buildkit-session/ID` is an upload of the client's session.
 *
 * @throws {BuildError} LLB_SOURCE_INVALID when the address is empty.
 */
export function http(url: string, options: HttpOptions = {}): State {
  if (url === '') {
    throw buildError(errors, 'LLB_SOURCE_INVALID', { source: 'http://', problem: 'its address is empty' });
  }
  const { header, signature } = options;
  const source = new SourceAttributes('source.http')
    .set('http.checksum', options.checksum, 'source.http.checksum')
    .set('http.authheadersecret', options.authHeaderSecret, 'source.http.auth')
    .need(header === undefined ? undefined : 'source.http.header')
    .set('http.header.accept', header?.accept)
    .set('http.header.user-agent', header?.userAgent)
    .set('http.sig.pubkey', signature?.pubKey, 'source.http.signatureverify')
    .set('http.sig.signature', signature?.signature);
  setDownloadedFile(source, options, { mode: 'source.http.perm', owner: 'soruce.http.uidgid' });
  const node = sourceNode({ identifier: url, source }, options);
  return stateOf({ node, index: 0 }, options.platform);
}
