import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from '../world/make-world.ts';
import { melange2, type Finished, type Melange2Options } from './melange2.ts';

export interface BuildPackageOptions {
  /** Path of the build file. */
  readonly file: string;
  /** Address of the daemon. */
  readonly address: string;
  readonly world: World;
  /** Folder of the test: packages are written to `packages` in it, and it is the working directory. */
  readonly dir: string;
  /** Private key; unsigned without. */
  readonly key?: string;
  /** Cache of downloaded packages. Default in `dir`. */
  readonly apkCache?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly onStderr?: Melange2Options['onStderr'];
}

export interface BuiltPackages extends Finished {
  /** Repository that the packages were written to. */
  readonly repository: string;
  /** SHA-256 of each file made, by its name, sorted. */
  readonly digests: Readonly<Record<string, string>>;
}

/** Builds a file with the command line in the offline world. A failed build is a result, not an error. */
export async function buildPackage(options: BuildPackageOptions): Promise<BuiltPackages> {
  const { address, dir, file, key, world } = options;
  const repository = join(dir, 'packages');
  const apkCache = options.apkCache ?? join(dir, 'apk-cache');
  const finished = await melange2(
    [
      'build',
      file,
      '--arch',
      world.arch,
      '--repository-append',
      world.repository,
      '--keyring-append',
      world.keyring,
      '--cache-dir',
      world.sources,
      '--apk-cache-dir',
      apkCache,
      '--out-dir',
      repository,
      ...(key === undefined ? [] : ['--signing-key', key]),
      ...(options.args ?? []),
    ],
    {
      cwd: dir,
      env: {
        BUILDKIT_HOST: address,
        XDG_CACHE_HOME: join(dir, 'cache'),
        XDG_STATE_HOME: join(dir, 'state'),
        ...options.env,
      },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.onStderr === undefined ? {} : { onStderr: options.onStderr }),
    },
  );
  const folder = join(repository, world.arch);
  const names = existsSync(folder) ? readdirSync(folder).toSorted() : [];
  const digests = Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
  return { ...finished, repository, digests };
}
