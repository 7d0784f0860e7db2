import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import type { OpOptions } from './op-options.ts';
import { cleanPath, joinPath } from './path.ts';
import { SourceAttributes, sourceNode } from './source.ts';
import { stateOf, type State } from './state.ts';

export interface GitOptions extends OpOptions {
  /** Directory of the repository that becomes the root of the result. */
  readonly subdir?: string;
  readonly keepGitDir?: boolean;
  /** Secret with a token; `GIT_AUTH_TOKEN` where none is named, `''` for none. */
  readonly authTokenSecret?: string;
  /** Secret with the value of an Authorization header; `GIT_AUTH_HEADER` where none is named, `''` for none. */
  readonly authHeaderSecret?: string;
  /** Lines of a known_hosts file. Only for ssh. */
  readonly knownSshHosts?: readonly string[];
  /** Id of the ssh agent to use; `default` where none is named. Only for ssh. */
  readonly mountSshSock?: string;
  /** Commit that the ref has to be. */
  readonly checksum?: string;
  readonly skipSubmodules?: boolean;
  /** Times of the files: `commit` is that of the commit. */
  readonly mtime?: string;
  readonly fetchByCommit?: boolean;
  /** A bundle to take the repository from. */
  readonly bundle?: { readonly locator: string; readonly sessionId?: string; readonly storeId?: string };
  /** Gives a bundle of the commit instead of its files. */
  readonly checkoutBundle?: boolean;
  /** Signature the commit or tag must have. */
  readonly signature?: {
    readonly pubKey: string;
    readonly rejectExpired?: boolean;
    readonly requireSignedTag?: boolean;
    readonly ignoreSignedTag?: boolean;
  };
}

/**
 * A commit of a git repository: `git('https://host/repo.git', 'v1.2')`.
 *
 * `ref` is a branch, tag or commit, and may have a directory behind a colon; absent, it is the default branch. A
 * remote without a scheme is taken as https.
 *
 * @throws {BuildError} LLB_SOURCE_INVALID when the remote is empty or has a scheme that git does not know.
 */
export function git(remote: string, ref: string = '', options: GitOptions = {}): State {
  const { url, identifier, isSsh } = parseRemote(remote);
  const colon = ref.indexOf(':');
  const name = colon < 0 ? ref : ref.slice(0, colon);
  const subdir = options.subdir ?? (colon < 0 ? '' : joinPath('/', ref.slice(colon + 1)).slice(1));
  const fragment = subdir === '' ? name : `${name}:${subdir}`;
  const { authTokenSecret, authHeaderSecret, bundle, signature } = options;
  const httpAuth = (secret: string | undefined): string | undefined =>
    secret === undefined || secret === '' ? undefined : 'source.git.httpauth';
  const source = new SourceAttributes('source.git')
    .flag('git.keepgitdir', options.keepGitDir, 'source.git.keepgitdir')
    .set('git.fullurl', url, 'source.git.fullurl')
    .set('git.authtokensecret', authTokenSecret === '' ? undefined : (authTokenSecret ?? 'GIT_AUTH_TOKEN'))
    .need(httpAuth(authTokenSecret))
    .set(
      'git.authheadersecret',
      authHeaderSecret === '' ? undefined : (authHeaderSecret ?? 'GIT_AUTH_HEADER'),
    )
    .need(httpAuth(authHeaderSecret))
    .set('git.checksum', options.checksum, 'source.git.checksum')
    .flag('git.skipsubmodules', options.skipSubmodules, 'source.git.skipsubmodules')
    .set('git.mtime', options.mtime, 'source.git.mtime')
    .flag('git.fetchbycommit', options.fetchByCommit, 'source.git.fetchbycommit')
    .set('git.bundle', bundle?.locator, 'source.git.bundle')
    .set('oci.session', bundle?.sessionId)
    .set('oci.store', bundle?.storeId)
    .flag('git.checkoutbundle', options.checkoutBundle, 'source.git.checkoutbundle')
    .set('git.sig.pubkey', signature?.pubKey, 'source.git.signatureverify')
    .flag('git.sig.rejectexpired', signature?.rejectExpired)
    .flag('git.sig.requiresignedtag', signature?.requireSignedTag)
    .flag('git.sig.ignoresignedtag', signature?.ignoreSignedTag);
  if (isSsh) {
    const hosts = options.knownSshHosts?.map((line) => `${line.replace(/\n+$/, '')}\n`).join('');
    source
      .set('git.knownsshhosts', hosts, 'source.git.knownsshhosts')
      .set('git.mountsshsock', options.mountSshSock ?? 'default', 'source.git.mountsshsock');
  }
  const node = sourceNode(
    { identifier: `git://${identifier}${fragment === '' ? '' : `#${fragment}`}`, source },
    options,
  );
  return stateOf({ node, index: 0 }, options.platform);
}

interface Remote {
  /** What git is given. */
  readonly url: string;
  /** Host and path. */
  readonly identifier: string;
  readonly isSsh: boolean;
}

function parseRemote(text: string): Remote {
  const fail = (problem: string): never => {
    throw buildError(errors, 'LLB_SOURCE_INVALID', { source: text, problem });
  };
  if (text === '') fail('the remote is empty');
  const scheme = /^([a-zA-Z0-9]+):\/\//.exec(text)?.[1];
  const scp = /^[a-zA-Z0-9_-]+@([a-zA-Z0-9.-]+):([^#]*)/.exec(text);
  if (scheme === undefined && scp !== null) {
    return { url: scp[0], identifier: `${scp[1]}${cleanPath(`/${scp[2]}`)}`, isSsh: true };
  }
  const url = (scheme === undefined ? `https://${text}` : text).replace(/[?#].*$/s, '');
  if (scheme !== undefined && !['http', 'https', 'ssh', 'git'].includes(scheme)) {
    fail(`git has no transport ${scheme}://`);
  }
  const [, authority = '', path = ''] = /^[a-zA-Z0-9]+:\/\/([^/]*)(.*)$/s.exec(url) ?? [];
  if (authority === '') fail('it has no host');
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return { url, identifier: `${host}${path === '' ? '' : cleanPath(path)}`, isSsh: scheme === 'ssh' };
}
