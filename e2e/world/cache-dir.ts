import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder that worlds, sources and daemons are kept in between runs: `MELANGE2_CACHE`, else the user's cache. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env['MELANGE2_CACHE']) return env['MELANGE2_CACHE'];
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'melange2');
}
