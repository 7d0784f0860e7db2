import { request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import {
  countBytes,
  errors,
  type Exported,
  type ExportContext,
  type ExportSource,
  type ExportTarget,
  imageArchive,
  ociImage,
  writeChunks,
  writeLayer,
} from '@melange2/exporters';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface ExporterDockerOptions {
  /** Socket of the engine; default: that of `DOCKER_HOST`, else the usual one. */
  readonly socket?: string;
}

/**
 * Loads an image into a Docker engine under the name of the target, by its API: no docker program is needed. With
 * `dest=FILE` it is written to a file instead, which `docker load` takes.
 */
export function exporterDocker(options: ExporterDockerOptions = {}): Plugin {
  const name = '@melange2/exporter-docker';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.resolveExporter.for('docker').tap(name, (target) => ({
        export: (source, context) => loadImage(target, source, context, options),
      }));
    },
  };
}

type Address = { readonly socketPath: string } | { readonly host: string; readonly port: number };

async function loadImage(
  target: ExportTarget,
  source: ExportSource,
  context: ExportContext,
  options: ExporterDockerOptions,
): Promise<Exported> {
  const image = imageName(target.ref);
  const { dest, socket = options.socket } = target.attributes;
  const send =
    dest === undefined
      ? toEngine(engineAddress(socket, context.env), image, context)
      : toFile(resolve(context.cwd, dest), context);
  const { signal, temporaryDir } = context;
  const layer = await writeLayer(await source.openTar(signal), temporaryDir, signal);
  try {
    const made = ociImage(layer, source.config, source.platform);
    const where = await send(imageArchive(made, layer, image));
    return { ...where, digest: made.manifest.digest };
  } finally {
    await layer.remove();
  }
}

type Send = (archive: AsyncIterable<Uint8Array>) => Promise<Pick<Exported, 'location' | 'next'>>;

function toEngine(address: Address, image: string, context: ExportContext): Send {
  return async (archive) => {
    await post(address, countBytes(archive, context), image, context.signal);
    return { location: `the Docker engine, as ${image}`, next: `docker run --rm -it ${image}` };
  };
}

function toFile(path: string, context: ExportContext): Send {
  return async (archive) => {
    const { signal } = context;
    const aside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.new`);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeChunks(aside, countBytes(archive, context), signal);
      await rename(aside, path);
    } catch (cause) {
      // What cannot be removed was not made, and the first failure is the one to tell.
      await rm(aside, { force: true }).catch(() => {});
      signal.throwIfAborted();
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw buildError(errors, 'EXPORT_FAILED', { target: path, problem }, { cause });
    }
    return { location: path, next: `docker load -i ${path}` };
  };
}

/** A name with its tag, as engines want it. */
function imageName(ref: string): string {
  if (!/^[a-z0-9][a-z0-9._/:-]*(?::[A-Za-z0-9_][A-Za-z0-9._-]*)?$/.test(ref)) {
    const problem = ref === '' ? 'it has no image name' : `"${ref}" is no image name`;
    throw buildError(errors, 'EXPORT_TARGET_INVALID', { target: 'docker', problem });
  }
  return ref.slice(ref.lastIndexOf('/') + 1).includes(':') ? ref : `${ref}:latest`;
}

function engineAddress(socket: string | undefined, env: ExportContext['env']): Address {
  if (socket !== undefined) return { socketPath: socket };
  const host = env['DOCKER_HOST'] ?? '';
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const tcp = /^tcp:\/\/(\[[^\]]+\]|[^:/]+):(\d+)/.exec(host);
  if (tcp !== null) return { host: tcp[1] ?? '', port: Number(tcp[2]) };
  const usual = [
    '/var/run/docker.sock',
    join(env['XDG_RUNTIME_DIR'] ?? '/run/user/0', 'docker.sock'),
    join(env['HOME'] ?? homedir(), '.docker/run/docker.sock'),
  ];
  const socketPath = usual.find((path) => existsSync(path));
  if (socketPath === undefined) {
    const problem = `No Docker engine was found: DOCKER_HOST is not set, and there is none of ${usual.join(', ')}.`;
    throw buildError(errors, 'EXPORT_FAILED', { target: 'docker', problem });
  }
  return { socketPath };
}

async function post(
  address: Address,
  archive: AsyncIterable<Uint8Array>,
  image: string,
  signal: AbortSignal,
): Promise<void> {
  const fail = (problem: string, cause?: unknown): never => {
    throw buildError(
      errors,
      'EXPORT_FAILED',
      { target: `the Docker engine as ${image}`, problem },
      { cause },
    );
  };
  const sending = request({
    ...address,
    method: 'POST',
    path: '/images/load?quiet=1',
    headers: { 'content-type': 'application/x-tar' },
    signal,
  });
  const answered = new Promise<{ status: number; text: string }>((done, failed) => {
    sending.on('error', failed);
    sending.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => done({ status: response.statusCode ?? 0, text })).on('error', failed);
    });
  });
  try {
    const [{ status, text }] = await Promise.all([answered, pipeline(archive, sending)]);
    const problem = /"(?:error|message)":\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
    if (status !== 200 || text.includes('"errorDetail"'))
      return fail(`the engine answered ${status}: ${problem ?? text.slice(0, 300)}`);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof Error && cause.name === 'BuildError') throw cause;
    fail(cause instanceof Error ? cause.message : String(cause), cause);
  }
}
