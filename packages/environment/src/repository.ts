import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';

/** Where packages come from: a directory, or the address of one. */
export interface Repository {
  /** As written, without the tag. */
  readonly text: string;
  /** Packages are taken from it only where `@tag` asks for it. */
  readonly tag?: string;
  readonly location: Location;
}

export type Location =
  | { readonly kind: 'directory'; readonly path: string }
  /** Without a slash at its end. */
  | { readonly kind: 'web'; readonly url: string };

/**
 * Reads a line of `etc/apk/repositories`: a path, `file://…` or `http(s)://…`, with `@tag` in front of it or not.
 *
 * Relative paths start at `directory`.
 *
 * @throws {BuildError} ENVIRONMENT_REPOSITORY_INVALID
 */
export function parseRepository(line: string, directory: string): Repository {
  const invalid = (why: string): Error =>
    buildError(errors, 'ENVIRONMENT_REPOSITORY_INVALID', { repository: line, why });
  const match = /^(?:@([A-Za-z0-9._-]+)\s+)?(\S.*)$/.exec(line.trim());
  if (match === null) throw invalid('it is empty');
  const [, tag, text = ''] = match;
  return { text, ...(tag === undefined ? {} : { tag }), location: parseLocation(text, directory, invalid) };
}

function parseLocation(text: string, directory: string, invalid: (why: string) => Error): Location {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    if (text.startsWith('@')) throw invalid('there is a tag and nothing behind it');
    return { kind: 'directory', path: isAbsolute(text) ? text : resolve(directory, text) };
  }
  if (scheme !== 'file' && scheme !== 'http' && scheme !== 'https') {
    throw invalid(`${scheme} is not a way to get packages; file, http and https are`);
  }
  try {
    if (scheme === 'file') return { kind: 'directory', path: fileURLToPath(text) };
    return { kind: 'web', url: new URL(text).href.replace(/\/+$/, '') };
  } catch {
    throw invalid('it is not a URL');
  }
}

/** The place of a file of a repository, such as `x86_64/APKINDEX.tar.gz`. */
export function locate(location: Location, ...parts: readonly string[]): Location {
  return location.kind === 'directory'
    ? { kind: 'directory', path: join(location.path, ...parts) }
    : { kind: 'web', url: [location.url, ...parts.map(encodeURIComponent)].join('/') };
}

/** The place as text, for messages; credentials are left out. */
export function formatLocation(location: Location): string {
  return location.kind === 'directory' ? location.path : withoutCredentials(location.url);
}

export function withoutCredentials(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1');
}
