import { type BuildHooks, createBuildHooks, type Plugin } from '@melange2/plugin-api';
import { applyPlugins } from './apply-plugins.ts';
import type { Host } from '../build-request.ts';
import { callAll } from './call-all.ts';

/**
 * Does `work` with the hooks of these plugins, and tells them before that they are applied and after that it is over.
 *
 * The failure of `work` goes before one of a plugin that is told that it is over.
 *
 * @throws {BuildError} as `applyPlugins` does
 */
export async function withHooks<T>(
  plugins: readonly Plugin[],
  host: Pick<Host, 'version'>,
  work: (hooks: BuildHooks) => Promise<T>,
): Promise<T> {
  const hooks = createBuildHooks();
  applyPlugins(hooks, plugins);
  hooks.initialized.call({ version: host.version });
  let result: T;
  try {
    result = await work(hooks);
  } catch (error) {
    await callAll('closed', hooks.closed, []).catch(() => {});
    throw error;
  }
  await callAll('closed', hooks.closed, []);
  return result;
}
