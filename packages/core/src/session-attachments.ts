import { homedir } from 'node:os';
import { join } from 'node:path';
import { dockerConfigAuth, type Attachables } from '@melange2/buildkit-client';
import type { Redactor } from '@melange2/diagnostics';
import type { BuildHooks } from '@melange2/plugin-api';

type Find = (host: string) => Promise<{ username: string; secret: string } | undefined>;

/**
 * Asks the plugins what the daemon may have, and keeps secrets out of everything that is printed. Registries for which
 * no plugin has credentials are used with those of Docker's configuration.
 */
export function sessionOf(
  hooks: BuildHooks,
  redactor: Redactor,
  env: Readonly<Record<string, string | undefined>>,
): Pick<Attachables, 'secrets' | 'ssh' | 'auth'> {
  const secrets: Record<string, string | Uint8Array> = {};
  const ssh: Record<string, { socket: string }> = {};
  const finders: Find[] = [];
  const docker = dockerConfigAuth(env['DOCKER_CONFIG'] || join(env['HOME'] ?? homedir(), '.docker'));
  hooks.attachSession.call({
    secret: (id, value) => {
      redactor.add(typeof value === 'string' ? value : new TextDecoder().decode(value));
      secrets[id] = value;
    },
    ssh: (id, socket) => {
      ssh[id] = { socket };
    },
    credentials: (find) => void finders.push(find),
  });
  const credentials: Find = async (host) => {
    for (const find of finders) {
      const found = await find(host);
      if (found === undefined) continue;
      redactor.add(found.secret);
      return found;
    }
    const found = await docker.credentials(host);
    if (found !== undefined) redactor.add(found.secret);
    return found;
  };
  return {
    ...(Object.keys(secrets).length === 0 ? {} : { secrets }),
    ...(Object.keys(ssh).length === 0 ? {} : { ssh }),
    auth: { credentials },
  };
}
