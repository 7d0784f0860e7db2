import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import type { RegistryAuth } from '../session-contract.ts';
import { sessionErrors } from './errors.ts';

interface StoredAuth {
  readonly auth?: unknown;
  readonly username?: unknown;
  readonly password?: unknown;
  readonly identitytoken?: unknown;
}

interface DockerConfig {
  readonly auths?: Readonly<Record<string, StoredAuth>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

type Credentials = { readonly username: string; readonly secret: string } | undefined;

/** What Docker Hub is called in Docker's configuration. */
const hubKey = 'https://index.docker.io/v1/';
const helperTimeoutMs = 30_000;

/**
 * Takes the credentials of registries from Docker's configuration: from the file itself, from the credential helper
 * of the registry, or from the store for all. An absent file means that all registries are used anonymously.
 *
 * The file is read again for each registry, so that a login during a build counts.
 *
 * @param dir the folder of `config.json`: `$DOCKER_CONFIG`, or `.docker` in the home folder.
 * @throws {BuildError} from `credentials`: SESSION_DOCKER_CONFIG_INVALID, SESSION_CREDENTIALS_FAILED
 */
export function dockerConfigAuth(dir: string): RegistryAuth {
  const file = join(dir, 'config.json');
  return {
    credentials: async (host) => {
      const config = await readConfig(file);
      if (config === undefined) return undefined;
      const key = isHub(host) ? hubKey : host;
      const helper = own(config.credHelpers, key) ?? own(config.credHelpers, host) ?? config.credsStore;
      if (helper !== undefined && helper !== '') return await askHelper(helper, key);
      return storedCredentials(config.auths ?? {}, key, file);
    },
  };
}

function isHub(host: string): boolean {
  return host === 'registry-1.docker.io' || host === 'docker.io' || host === 'index.docker.io';
}

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

async function readConfig(file: string): Promise<DockerConfig | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw invalid(file, (cause as Error).message, cause);
  }
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which has secrets.
    throw invalid(file, 'it is not JSON');
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw invalid(file, 'it is not a JSON object');
  return config;
}

function storedCredentials(
  auths: Readonly<Record<string, StoredAuth>>,
  key: string,
  file: string,
): Credentials {
  const name = hostOf(key);
  const entry = own(auths, key) ?? Object.entries(auths).find(([stored]) => hostOf(stored) === name)?.[1];
  if (entry === undefined || entry === null) return undefined;
  if (typeof entry.identitytoken === 'string' && entry.identitytoken !== '')
    return { username: '', secret: entry.identitytoken };
  if (typeof entry.auth === 'string' && entry.auth !== '') {
    const pair = Buffer.from(entry.auth, 'base64').toString('utf8');
    const colon = pair.indexOf(':');
    if (colon < 1) throw invalid(file, `the entry for ${name} is not a user name and a password`);
    return { username: pair.slice(0, colon), secret: pair.slice(colon + 1).replace(/\0+$/, '') };
  }
  if (typeof entry.username === 'string' && typeof entry.password === 'string' && entry.username !== '')
    return { username: entry.username, secret: entry.password };
  return undefined;
}

/** Old entries are addresses: `https://host/v1/`. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

async function askHelper(helper: string, key: string): Promise<Credentials> {
  const program = `docker-credential-${helper}`;
  const failed = (why: string, cause?: unknown): Error =>
    buildError(sessionErrors, 'SESSION_CREDENTIALS_FAILED', { host: hostOf(key), why }, { cause });
  if (!/^[\w.-]+$/.test(helper)) throw failed(`"${helper}" is no name of a credential helper`);
  const { spawn } = await import('node:child_process');
  const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'pipe'], timeout: helperTimeoutMs });
  let out = '';
  let words = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  // A helper that does not read its input has still answered.
  child.stdin.on('error', () => {});
  child.stdin.end(key);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        failed(
          cause.code === 'ENOENT' ? `${program} is not on PATH` : `${program} could not be started`,
          cause,
        ),
      ),
    );
    child.once('close', resolve);
  });
  if (code !== 0) {
    if (/credentials not found/i.test(out + words)) return undefined;
    const said = (words.trim() || out.trim()).slice(0, 500);
    const how = code === null ? 'was ended' : `ended with exit code ${code}`;
    throw failed(`${program} ${how}${said === '' ? '' : `, saying "${said}"`}`);
  }
  let answer: { readonly Username?: unknown; readonly Secret?: unknown };
  try {
    answer = JSON.parse(out) as typeof answer;
  } catch {
    throw failed(`the answer of ${program} is not JSON`);
  }
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw failed(`${program} gave no credentials`);
  return { username: username === '<token>' ? '' : username, secret };
}

function invalid(file: string, why: string, cause?: unknown): Error {
  return buildError(sessionErrors, 'SESSION_DOCKER_CONFIG_INVALID', { file, why }, { cause });
}
