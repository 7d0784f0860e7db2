import { dirname, resolve } from 'node:path';
import { type Builder, createBuilder, findConfigFile, loadPlugins, type RecordedBuild } from '@melange2/core';
import { defaultPlugins } from './default-plugins.ts';
import { namedCacheMounts } from './named-cache-mounts.ts';
import { progressPlugin } from './progress-plugin.ts';
import type { Terminal } from './terminal.ts';
import { version } from './version.ts';

/**
 * A builder that works as the one of a recorded build did: with its plugins, in its folder.
 *
 * @throws {BuildError} those of `loadPlugins`
 */
export async function recordBuilder(record: RecordedBuild, terminal: Terminal): Promise<Builder> {
  const { request, cwd = terminal.cwd } = record;
  const { plugins, cacheMounts } = request?.loaded ?? { plugins: [], cacheMounts: [] };
  const folder = request === undefined ? cwd : dirname(resolve(cwd, request.file));
  return createBuilder({
    plugins: [
      // What it is opened for is shown by the command itself; a person wants to see that something happens.
      await progressPlugin(terminal.interactive ? 'tty' : 'quiet', terminal),
      ...(await defaultPlugins(request?.cacheMounts ?? true)),
      ...namedCacheMounts(cacheMounts),
      ...(await loadPlugins(findConfigFile(folder), plugins, cwd)),
    ],
    host: { env: terminal.env, cwd, now: terminal.now, version },
  });
}
