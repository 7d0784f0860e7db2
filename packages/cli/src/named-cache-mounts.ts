import { buildError } from '@melange2/diagnostics';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import { errors } from './errors.ts';

/**
 * The plugin for caches that the user names with `--cache-mount`: every step gets them, besides those that plugins give,
 * and instead of one at the same place.
 *
 * @throws {BuildError} CLI_USAGE
 */
export function namedCacheMounts(specs: readonly string[]): Plugin[] {
  if (specs.length === 0) return [];
  const name = '--cache-mount';
  const mounts = specs.map((spec) => ({ ...parseCacheMount(spec), env: {}, identity: [], plugin: name }));
  return [
    {
      name,
      apiVersion: API_VERSION,
      apply({ hooks }) {
        hooks.modifyCacheMounts.tap(name, (others) => [
          ...mounts,
          ...others.filter((other) => mounts.every(({ target }) => target !== other.target)),
        ]);
      },
    },
  ];
}

const sharings = ['shared', 'private', 'locked'] as const;

interface NamedMount {
  readonly name: string;
  readonly target: string;
  readonly sharing: (typeof sharings)[number];
}

/** Reads `ID=/path[,shared|private|locked]`. */
export function parseCacheMount(spec: string): NamedMount {
  const [, name = '', target = '', mode = 'shared'] = /^([^=]*)=([^,]*)(?:,(.*))?$/.exec(spec) ?? [];
  const sharing = sharings.find((known) => known === mode);
  const problem = !/^[a-z0-9][a-z0-9._-]*$/.test(name)
    ? 'the ID is to be one word of a-z, 0-9, ".", "_" and "-"'
    : !/^\/[^\s:]*[^\s:/]$/.test(target)
      ? 'the path is to be an absolute one, without spaces and colons'
      : sharing === undefined
        ? `behind the path stands one of ${sharings.join(', ')}`
        : undefined;
  if (problem !== undefined || sharing === undefined)
    throw buildError(errors, 'CLI_USAGE', { problem: `--cache-mount ${spec}: ${problem ?? ''}.` });
  return { name, target, sharing };
}
