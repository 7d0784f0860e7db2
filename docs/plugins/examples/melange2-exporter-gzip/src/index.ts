import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { buildError } from '@melange2/diagnostics';
import { errors, type ExportContext, type Exported, type ExportSource } from '@melange2/exporters';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

const name = 'melange2-exporter-gzip';

/** Exports the files of a build as one compressed tar: `--export-on-failure=gzip --export-ref=state.tar.gz`. */
export function exporterGzip({ level = 6 }: { readonly level?: number } = {}): Plugin {
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.resolveExporter.for('gzip').tap(name, ({ ref }) => ({
        export: (source, context) => writeGzip(ref, level, source, context),
      }));
    },
  };
}

async function writeGzip(
  ref: string,
  level: number,
  source: ExportSource,
  { cwd, signal, onProgress }: ExportContext,
): Promise<Exported> {
  if (ref === '') {
    const details = { target: 'gzip', problem: 'it names no file' };
    throw buildError(errors, 'EXPORT_TARGET_INVALID', details);
  }
  const path = resolve(cwd, ref);
  const aside = `${path}.new`;
  let bytes = 0;
  async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      onProgress((bytes += chunk.length));
      yield chunk;
    }
  }
  try {
    const tar = await source.openTar(signal);
    await pipeline(counted(tar), createGzip({ level }), createWriteStream(aside), { signal });
    await rename(aside, path);
    return { location: path, next: `tar -tzf ${path}` };
  } finally {
    // After the rename it is not there any more; before, it is half-written.
    await rm(aside, { force: true });
  }
}

export { exporterGzip as plugin };
