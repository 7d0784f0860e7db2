import { createReadStream } from 'node:fs';
import { buildError } from '@melange2/diagnostics';
import {
  errors,
  type Exported,
  type ExportContext,
  type ExportSource,
  type ExportTarget,
  mediaTypes,
  ociImage,
  writeLayer,
} from '@melange2/exporters';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import { parseReference, type RegistryReference } from './reference.ts';
import { registryCredentials } from './registry-credentials.ts';
import { openRegistry } from './registry.ts';

/**
 * Pushes an image to a registry from the client: the daemon's configuration does not matter. `insecure=true` lets a
 * certificate pass that cannot be verified, `http=true` speaks plain HTTP; loopback addresses speak it by themselves,
 * unless `http=false`. `timeout=SECONDS` is how long the registry may say nothing.
 */
export function exporterRegistry(): Plugin {
  const name = '@melange2/exporter-registry';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.resolveExporter.for('registry').tap(name, (target) => ({
        export: (source, context) => push(target, source, context),
      }));
    },
  };
}

async function push(target: ExportTarget, source: ExportSource, context: ExportContext): Promise<Exported> {
  const reference = parseReference(target.ref);
  if (reference === undefined) {
    const problem =
      target.ref === '' ? 'it has no image name' : `"${target.ref}" is no image name with its registry`;
    throw buildError(errors, 'EXPORT_TARGET_INVALID', { target: 'registry', problem });
  }
  const { signal, temporaryDir, env } = context;
  const { http, insecure, timeout = '60' } = target.attributes;
  if (!(Number(timeout) > 0)) {
    const problem = `timeout=${timeout} is no number of seconds`;
    throw buildError(errors, 'EXPORT_TARGET_INVALID', { target: formatReference(reference), problem });
  }
  const registry = openRegistry(reference, {
    plainHttp: http === 'true' || (http !== 'false' && insecure !== 'true' && isLoopback(reference.host)),
    insecure: insecure === 'true',
    timeoutMs: Number(timeout) * 1000,
    credentials: await registryCredentials(reference.host, env),
    signal,
  });
  try {
    const layer = await writeLayer(await source.openTar(signal), temporaryDir, signal);
    try {
      const image = ociImage(layer, source.config, source.platform);
      await registry.pushBlob(layer, () => createReadStream(layer.path));
      context.onProgress(layer.sizeBytes);
      const { config, manifest } = image;
      const sizeBytes = config.bytes.length;
      await registry.pushBlob({ digest: config.digest, sizeBytes }, () => config.bytes);
      await registry.pushManifest(reference.tag, manifest.bytes, mediaTypes.manifest);
      const shown = formatReference(reference);
      return { location: shown, digest: manifest.digest, next: `docker run --rm -it ${shown}` };
    } finally {
      await layer.remove();
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof Error && cause.name === 'BuildError') throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw buildError(errors, 'EXPORT_FAILED', { target: formatReference(reference), problem }, { cause });
  }
}

function formatReference({ host, repository, tag }: RegistryReference): string {
  return `${host}/${repository}:${tag}`;
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);
}
