import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where downloaded packages are kept: `$MELANGE2_CACHE`, else `$XDG_CACHE_HOME/melange2`, else `~/.cache/melange2`. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const own = env['MELANGE2_CACHE'];
  if (own !== undefined && own !== '') return own;
  const xdg = env['XDG_CACHE_HOME'];
  if (xdg !== undefined && xdg.startsWith('/')) return join(xdg, 'melange2');
  return join(env['HOME'] ?? homedir(), '.cache/melange2');
}
