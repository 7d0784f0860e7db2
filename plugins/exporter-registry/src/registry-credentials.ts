import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What a registry is asked with: a user and a password, or an identity token. */
export interface RegistryCredentials {
  readonly username: string;
  readonly secret: string;
  readonly isToken: boolean;
}

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

/** Looks up the credentials for a host as docker does: helpers of the host, the store, then the file itself. */
export async function registryCredentials(
  host: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RegistryCredentials | undefined> {
  const file = join(env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker'), 'config.json');
  const config = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as DockerConfig,
    () => undefined,
  );
  if (config === undefined) return undefined;
  const names =
    host === 'registry-1.docker.io'
      ? ['https://index.docker.io/v1/', 'docker.io', host]
      : [host, `https://${host}`];
  const helper =
    names.map((name) => config.credHelpers?.[name]).find((h) => h !== undefined) ?? config.credsStore;
  if (helper !== undefined) {
    for (const name of names) {
      const found = await askHelper(helper, name, env);
      if (found !== undefined) return found;
    }
  }
  for (const name of names) {
    const entry = config.auths?.[name];
    if (entry?.identitytoken !== undefined && entry.identitytoken !== '') {
      return { username: '', secret: entry.identitytoken, isToken: true };
    }
    const [username = '', ...secret] = Buffer.from(entry?.auth ?? '', 'base64')
      .toString('utf8')
      .split(':');
    if (username !== '') return { username, secret: secret.join(':'), isToken: false };
  }
  return undefined;
}

async function askHelper(
  helper: string,
  host: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RegistryCredentials | undefined> {
  if (!/^[A-Za-z0-9._-]+$/.test(helper)) return undefined;
  return new Promise((resolve) => {
    const child = spawn(`docker-credential-${helper}`, ['get'], {
      env: { ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: 10_000,
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.on('error', () => resolve(undefined));
    child.on('close', (code) => {
      if (code !== 0) return resolve(undefined);
      try {
        const { Username, Secret } = JSON.parse(text) as { Username?: string; Secret?: string };
        const isToken = Username === '<token>';
        resolve(
          Secret === undefined
            ? undefined
            : { username: isToken ? '' : (Username ?? ''), secret: Secret, isToken },
        );
      } catch {
        resolve(undefined);
      }
    });
    child.stdin.on('error', () => {});
    child.stdin.end(host);
  });
}
