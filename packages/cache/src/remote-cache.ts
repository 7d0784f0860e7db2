import { buildError } from '@melange2/diagnostics';
import { withoutCacheSecrets } from './cloud-cache.ts';
import { errors } from './errors.ts';

/** A cache outside the daemon, as `--cache-from` and `--cache-to` name it. */
export interface RemoteCache {
  /** `registry`, `local`, `gha`, `s3`, `azblob`, `inline`, or what a plugin adds. */
  readonly type: string;
  /** All other keys, in the order given. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** The parts of a cache as it is written: what is before one, and its text in quotes or without. */
export const cacheParts: RegExp = /(^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g;

/**
 * Reads `type=registry,ref=…,mode=max`; a text without `=` is a registry reference.
 *
 * Quotes as in CSV: a part that holds a comma stands in double quotes.
 *
 * @throws {BuildError} CACHE_SPEC_INVALID
 */
export function parseRemoteCache(spec: string): RemoteCache {
  const fail = (problem: string): never => {
    throw buildError(errors, 'CACHE_SPEC_INVALID', { spec: withoutCacheSecrets(spec), problem });
  };
  if (!spec.includes('='))
    return spec === '' ? fail('it is empty') : { type: 'registry', attributes: { ref: spec } };
  const attributes: Record<string, string> = {};
  let type: string | undefined;
  for (const match of spec.matchAll(cacheParts)) {
    const part = match[2]?.replaceAll('""', '"') ?? match[3] ?? '';
    const at = part.indexOf('=');
    if (at <= 0) return fail(`"${part}" is not KEY=VALUE`);
    const key = part.slice(0, at).trim().toLowerCase();
    const value = part.slice(at + 1);
    if (key === 'type') type = value;
    else attributes[key] = value;
  }
  if (type === undefined || type === '') return fail('it has no type');
  const { mode } = attributes;
  if (mode !== undefined && mode !== 'min' && mode !== 'max')
    return fail(`mode is "${mode}", not min or max`);
  return { type, attributes };
}
