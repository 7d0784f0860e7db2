import { cacheParts, type RemoteCache } from './remote-cache.ts';

/** What a cache takes from the environment, by the attribute; the first variable that is set counts. */
type Defaults = Readonly<Record<string, readonly string[]>>;

const defaults: Readonly<Record<string, Defaults>> = {
  gha: {
    token: ['ACTIONS_RUNTIME_TOKEN'],
    url: ['ACTIONS_CACHE_URL'],
    url_v2: ['ACTIONS_RESULTS_URL'],
  },
  s3: {
    access_key_id: ['AWS_ACCESS_KEY_ID'],
    bucket: ['AWS_BUCKET'],
    region: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
    secret_access_key: ['AWS_SECRET_ACCESS_KEY'],
    session_token: ['AWS_SESSION_TOKEN'],
  },
  azblob: {
    account_url: ['BUILDKIT_AZURE_STORAGE_ACCOUNT_URL'],
    container: ['BUILDKIT_AZURE_STORAGE_CONTAINER'],
    secret_access_key: ['BUILDKIT_AZURE_STORAGE_SECRET_ACCESS_KEY'],
  },
};

/**
 * Completes a cache in a cloud by what the environment of the client says: account, bucket, token. The daemon, which
 * talks to the cloud, has an environment of its own. What the user wrote counts; other types come back as they are.
 *
 * Keys of S3 are taken together or not at all: half of one account and half of another are no account.
 *
 * @see https://github.com/moby/buildkit/blob/v0.25.0/README.md#export-cache
 */
export function withCloudAttributes(
  cache: RemoteCache,
  env: Readonly<Record<string, string | undefined>>,
): RemoteCache {
  const known = defaults[cache.type];
  if (known === undefined) return cache;
  const hasKeys = cache.attributes['access_key_id'] !== undefined;
  const found = Object.entries(known).flatMap(([attribute, variables]) => {
    const isKey = attribute === 'secret_access_key' || attribute === 'session_token';
    const value = variables.map((name) => env[name]).find((v) => v !== undefined && v !== '');
    return value === undefined || (hasKeys && isKey) ? [] : [[attribute, value] as const];
  });
  const version =
    cache.type === 'gha' ? { version: isTrue(env['ACTIONS_CACHE_SERVICE_V2']) ? '2' : '1' } : {};
  return { type: cache.type, attributes: { ...version, ...Object.fromEntries(found), ...cache.attributes } };
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && /^(1|t|true)$/i.test(text);
}

const secretName = /token|secret|password|_key$/i;

/** The attributes of a cache that must not be printed. */
export function cacheSecrets({ attributes }: RemoteCache): string[] {
  return Object.entries(attributes).flatMap(([name, value]) =>
    secretName.test(name) && value !== '' ? [value] : [],
  );
}

/** A cache as the user wrote it, `***` in place of its secrets; also where it cannot be read. */
export function withoutCacheSecrets(spec: string): string {
  return spec.replaceAll(cacheParts, (part, lead: string, quoted?: string, plain?: string) => {
    const [name = ''] = (quoted ?? plain ?? '').split('=', 1);
    return secretName.test(name.trim()) ? `${lead}${name}=***` : part;
  });
}
