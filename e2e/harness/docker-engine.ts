import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

/** What a Docker engine answered. */
interface EngineAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** A Docker engine as tests use it: by its API, no docker program is needed. */
export interface DockerEngine {
  /** The value of `DOCKER_HOST` for it. */
  readonly host: string;
  /** Runs a command in a container without a network and returns what it printed. A failing one throws. */
  readonly run: (image: string, command: readonly string[]) => Promise<string>;
  /** Loads an archive. */
  readonly load: (archive: Readable) => Promise<void>;
  /** Pulls from a registry. */
  readonly pull: (
    image: string,
    account?: { readonly username: string; readonly password: string },
  ) => Promise<void>;
}

/** The engine behind an address such as `docker+unix:///path`. */
export function dockerEngine(address: string): DockerEngine {
  const socketPath = address.replace('docker+unix://', '');
  const ask = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<EngineAnswer> => {
    const isStream = typeof body === 'object' && body !== null && 'pipe' in body;
    const sending = request({
      socketPath,
      method,
      path,
      headers: { 'content-type': isStream ? 'application/x-tar' : 'application/json', ...headers },
    });
    const answered = new Promise<EngineAnswer>((resolve, reject) => {
      sending.on('error', reject);
      sending.on('response', (response) => {
        buffer(response).then((bytes) => resolve({ status: response.statusCode ?? 0, body: bytes }), reject);
      });
    });
    if (isStream) await pipeline(body as Readable, sending);
    else sending.end(body === undefined ? undefined : JSON.stringify(body));
    const answer = await answered;
    const text = answer.body.toString();
    if (answer.status >= 400 || text.includes('"errorDetail"'))
      throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`);
    return answer;
  };
  return {
    host: `unix://${socketPath}`,
    async run(image, command) {
      const config = { Image: image, Cmd: command, Tty: true, HostConfig: { NetworkMode: 'none' } };
      const made = await ask('POST', '/containers/create', config);
      const { Id: id } = JSON.parse(made.body.toString()) as { Id: string };
      try {
        await ask('POST', `/containers/${id}/start`);
        const ended = await ask('POST', `/containers/${id}/wait`);
        const { StatusCode: code } = JSON.parse(ended.body.toString()) as { StatusCode: number };
        const { body } = await ask('GET', `/containers/${id}/logs?stdout=1&stderr=1`);
        const text = body.toString().replaceAll('\r\n', '\n');
        if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${text}`);
        return text;
      } finally {
        await ask('DELETE', `/containers/${id}?force=1`);
      }
    },
    async load(archive) {
      await ask('POST', '/images/load?quiet=1', archive);
    },
    async pull(image, account) {
      const auth = account === undefined ? {} : { ...account, serveraddress: image.split('/')[0] };
      await ask('POST', `/images/create?fromImage=${encodeURIComponent(image)}`, undefined, {
        // With padding, which base64url is without.
        'x-registry-auth': Buffer.from(JSON.stringify(auth))
          .toString('base64')
          .replaceAll('+', '-')
          .replaceAll('/', '_'),
      });
    },
  };
}
