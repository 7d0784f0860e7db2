import { request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import {
  errors,
  type Exported,
  type ExportContext,
  type ExportSource,
  type ExportTarget,
  imageArchive,
  ociImage,
  writeLayer,
} from '@melange2/exporters';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface ExporterDockerOptions {
  /** Socket of the engine; default: that of `DOCKER_HOST`, else the usual one. */
  readonly socket?: string;
}

/** Loads an image into a Docker engine under the name of the target, by its API: no docker program is needed. */
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
  const address = engineAddress(target.attributes['socket'] ?? options.socket, context.env);
  const { signal, temporaryDir } = context;
  const layer = await writeLayer(await source.openTar(signal), temporaryDir, signal);
  try {
    const made = ociImage(layer, source.config, source.platform);
    await post(address, counted(imageArchive(made, layer, image), context), image, signal);
    return {
      location: `the Docker engine, as ${image}`,
      digest: made.manifest.digest,
      next: `docker run --rm -it ${image}`,
    };
  } finally {
    await layer.remove();
  }
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

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  context: ExportContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    context.onProgress(bytes);
    yield chunk;
  }
}
