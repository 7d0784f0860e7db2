import pLimit from 'p-limit';
import { parseWorldEntry, type RepositoryIndex } from '@melange2/apk';
import {
  buildError,
  isBuildError,
  withPlace,
  type Diagnostic,
  type Parsed,
  type Span,
} from '@melange2/diagnostics';
import { prepareRepositories, solve, type Reason } from '@melange2/solver';
import { namingCacheFailures } from './cache-failure.ts';
import { errors } from './errors.ts';
import { fetchIndex } from './fetch-index.ts';
import { loadKeyring, type KeyFile } from './keyring.ts';
import { parseRepository, withoutCredentials, type Repository } from './repository.ts';
import type { Transport } from './transport.ts';

/** One package of an environment: exactly this one, whatever repositories say later. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** apk's architecture of the package, as its index says. */
  readonly arch: string;
  /** `Q1` and base64 SHA-1 of the control member, which vouches for the data. */
  readonly identity: string;
  /** Bytes of the apk file. */
  readonly sizeBytes: number;
  /** Position among the repositories of the lock. */
  readonly repository: number;
  readonly reasons: readonly Reason[];
}

/** An environment whose packages are decided, in the order of their installation. */
export interface LockedEnvironment {
  /** apk's name of the architecture: `x86_64`, `aarch64`. */
  readonly arch: string;
  /** What was asked for, sorted. */
  readonly world: readonly string[];
  readonly repositories: readonly Repository[];
  readonly keys: readonly KeyFile[];
  readonly packages: readonly LockedPackage[];
}

export interface LockOptions {
  /** Wanted packages: `foo`, `foo=1.2-r0`, `foo~1.2`, `foo@tag`, `!foo`. */
  readonly world: readonly string[];
  /** Lines as in `etc/apk/repositories`. Their order does not matter. */
  readonly repositories: readonly string[];
  /** Paths and URLs of public keys. */
  readonly keyring: readonly string[];
  readonly arch: string;
  /** Where relative paths start. */
  readonly directory: string;
  readonly cacheDir: string;
  readonly transport: Transport;
  /** Believes indexes without a good signature. Default false. */
  readonly ignoreSignatures?: boolean;
  /** Where an entry of the world, the line of a repository or a key is written, for problems that it leads to. */
  readonly placeOf?: (text: string) => Span | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Reads the indexes of all repositories and decides which packages make the environment.
 *
 * A world that cannot be met is a result with diagnostics; what goes wrong with keys and repositories is thrown. A
 * directory without an index is a repository without packages, and a warning.
 *
 * @throws {BuildError} what {@link fetchIndex} and {@link loadKeyring} throw; ENVIRONMENT_REPOSITORY_INVALID,
 * ENVIRONMENT_PACKAGE_ANONYMOUS, ENVIRONMENT_CACHE_UNWRITABLE
 */
export async function lockEnvironment(options: LockOptions): Promise<Parsed<LockedEnvironment>> {
  const { arch, cacheDir, transport, signal, placeOf } = options;
  const lines = [...new Set(options.repositories.map((line) => line.trim()))].toSorted();
  const repositories = lines.map((line) => {
    try {
      return parseRepository(line, options.directory);
    } catch (error) {
      throw withPlace(error, placeOf?.(line));
    }
  });
  const { files, keyring } = await loadKeyring(options.keyring, options);
  const limit = pLimit(8);
  const verifying = options.ignoreSignatures === true ? {} : { keyring };
  const warnings: Diagnostic[] = [];
  const indexes = await Promise.all(
    repositories.map((repository, i) =>
      limit(async (): Promise<Pick<RepositoryIndex, 'records'>> => {
        try {
          const index = await namingCacheFailures(cacheDir, () =>
            fetchIndex(repository, { arch, cacheDir, transport, signal, ...verifying }),
          );
          warnings.push(...index.diagnostics);
          return index;
        } catch (error) {
          // The folder that a build publishes into has no index before the first build.
          const isEmpty = isBuildError(error) && error.code === 'ENVIRONMENT_INDEX_MISSING';
          const span = placeOf?.(lines[i] ?? '');
          if (!isEmpty || repository.location.kind !== 'directory') throw withPlace(error, span);
          const { code, message, hint } = error;
          const more = { ...(hint === undefined ? {} : { hint }), ...(span === undefined ? {} : { span }) };
          warnings.push({ code, severity: 'warning', message, ...more });
          return { records: [] };
        }
      }),
    ),
  );
  const prepared = prepareRepositories(
    indexes.map(({ records }, i) => {
      const { tag, text } = repositories[i] ?? { text: '' };
      return { url: text, packages: records, ...(tag === undefined ? {} : { tag }) };
    }),
  );
  const world = [...new Set(options.world)].toSorted();
  const { value, diagnostics } = solve({
    world,
    repositories: prepared,
    arch,
    ...(placeOf === undefined ? {} : { placeOf }),
  });
  if (value === undefined) return { diagnostics: [...diagnostics, ...warnings] };
  const packages = value.packages.map(({ package: record, repository, reasons }): LockedPackage => {
    const { name, version, identity, size } = record;
    if (identity === undefined || !/^Q1[A-Za-z0-9+/]{27}=$/.test(identity)) {
      throw buildError(errors, 'ENVIRONMENT_PACKAGE_ANONYMOUS', {
        package: `${name}-${version}`,
        repository: withoutCredentials(repositories[repository]?.text ?? ''),
      });
    }
    return { name, version, arch: record.arch ?? arch, identity, sizeBytes: size, repository, reasons };
  });
  return { value: { arch, world, repositories, keys: files, packages }, diagnostics: warnings };
}

interface LockText {
  readonly version: number;
  readonly arch: string;
  readonly world: readonly string[];
  readonly repositories: readonly string[];
  readonly keys: readonly KeyFile[];
  readonly packages: readonly LockedPackage[];
}

const lockVersion = 1;

/**
 * Writes a lock as JSON, for a file that is kept beside a build file. Equal locks give equal text.
 *
 * Credentials in the URLs of repositories are left out.
 */
export function formatLock(lock: LockedEnvironment): string {
  const text: LockText = {
    version: lockVersion,
    arch: lock.arch,
    world: lock.world,
    repositories: lock.repositories.map(
      (r) => `${r.tag === undefined ? '' : `@${r.tag} `}${withoutCredentials(r.text)}`,
    ),
    keys: lock.keys,
    packages: lock.packages,
  };
  return `${JSON.stringify(text, undefined, 2)}\n`;
}

/**
 * Reads what {@link formatLock} wrote. Relative paths of repositories start at `directory`.
 *
 * @throws {BuildError} ENVIRONMENT_LOCK_INVALID, ENVIRONMENT_REPOSITORY_INVALID
 */
export function parseLock(text: string, file: string, directory: string): LockedEnvironment {
  const invalid = (why: string): Error => buildError(errors, 'ENVIRONMENT_LOCK_INVALID', { file, why });
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (cause) {
    throw buildError(errors, 'ENVIRONMENT_LOCK_INVALID', { file, why: 'it is not JSON' }, { cause });
  }
  if (!isLockText(read)) throw invalid('parts of it are missing or of the wrong kind');
  if (read.version !== lockVersion)
    throw invalid(`it is of version ${read.version}, and version ${lockVersion} is read`);
  const { arch, world, keys, packages } = read;
  const repositories = read.repositories.map((line) => parseRepository(line, directory));
  if (packages.some((p) => repositories[p.repository] === undefined)) {
    throw invalid('a package is of a repository that is not in it');
  }
  return { arch, world, repositories, keys, packages };
}

function isLockText(value: unknown): value is LockText {
  if (typeof value !== 'object' || value === null) return false;
  const lock = value as Partial<Record<keyof LockText, unknown>>;
  return (
    typeof lock.version === 'number' &&
    typeof lock.arch === 'string' &&
    isListOf(lock.world, (v) => typeof v === 'string' && parseWorldEntry(v) !== undefined) &&
    isListOf(lock.repositories, (v) => typeof v === 'string') &&
    isListOf(lock.keys, (v) => hasTexts(v, 'name', 'pem')) &&
    isListOf(
      lock.packages,
      (v) =>
        hasTexts(v, 'name', 'version', 'arch', 'identity') &&
        typeof (v as LockedPackage).repository === 'number' &&
        typeof (v as LockedPackage).sizeBytes === 'number' &&
        Array.isArray((v as LockedPackage).reasons),
    )
  );
}

function isListOf(value: unknown, test: (value: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(test);
}

function hasTexts(value: unknown, ...keys: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    keys.every((key) => typeof (value as Record<string, unknown>)[key] === 'string')
  );
}
