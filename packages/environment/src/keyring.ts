import { resolve } from 'node:path';
import { parseKeyring, type Keyring } from '@melange2/apk';
import { buildError, withPlace, type Span } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { readLocation } from './read-location.ts';
import { formatLocation, parseRepository } from './repository.ts';
import type { Transport } from './transport.ts';

/** A public key as it lies in `etc/apk/keys`. */
export interface KeyFile {
  /** File name by which signatures name the key. */
  readonly name: string;
  readonly pem: string;
}

export interface LoadedKeyring {
  /** Sorted by name. */
  readonly files: readonly KeyFile[];
  readonly keyring: Keyring;
}

interface KeyringOptions {
  readonly directory: string;
  readonly transport: Transport;
  readonly signal?: AbortSignal | undefined;
  /** Where a source is written, for errors. */
  readonly placeOf?: ((source: string) => Span | undefined) | undefined;
}

/**
 * Reads public keys from files and URLs.
 *
 * @throws {BuildError} ENVIRONMENT_KEY_UNREADABLE, ENVIRONMENT_KEY_AMBIGUOUS, ENVIRONMENT_DOWNLOAD_FAILED, KEY_INVALID
 */
export async function loadKeyring(
  sources: readonly string[],
  options: KeyringOptions,
): Promise<LoadedKeyring> {
  const found = new Map<string, KeyFile & { readonly from: string }>();
  for (const source of [...new Set(sources)].toSorted()) {
    const { name, pem, from } = await readKey(source, options).catch((error: unknown) => {
      throw withPlace(error, options.placeOf?.(source));
    });
    const known = found.get(name);
    if (known !== undefined && known.pem.trim() !== pem.trim()) {
      throw buildError(errors, 'ENVIRONMENT_KEY_AMBIGUOUS', { name, first: known.from, second: from });
    }
    found.set(name, { name, pem, from });
  }
  const files = [...found.values()]
    .map(({ name, pem }) => ({ name, pem }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { files, keyring: parseKeyring(files) };
}

async function readKey(
  source: string,
  { directory, transport, signal }: KeyringOptions,
): Promise<KeyFile & { readonly from: string }> {
  const isUrl = /^[a-z]+:\/\//i.test(source);
  const { location } = parseRepository(isUrl ? source : resolve(directory, source), directory);
  const from = formatLocation(location);
  const bytes = await readLocation(location, transport, signal);
  if (bytes === undefined) {
    throw buildError(errors, 'ENVIRONMENT_KEY_UNREADABLE', { key: from, why: 'there is none' });
  }
  const path = location.kind === 'web' ? new URL(location.url).pathname : location.path;
  const name = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
  return { name, pem: Buffer.from(bytes).toString('utf8'), from };
}
