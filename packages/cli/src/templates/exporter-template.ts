import type { KindTemplate } from '../plugin-template.ts';

/** An exporter that writes a tar to a file. */
export const exporterTemplate: KindTemplate = {
  description: 'Exports the files of a build as a plain tar',
  dependencies: ['diagnostics', 'exporters'],
  types: [],
  source: ({ packageName, short, factory }) => `import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { buildError } from '@melange2/diagnostics';
import { errors, type ExportContext, type Exported, type ExportSource } from '@melange2/exporters';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

const name = '${packageName}';

/** Exports the files of a build as a plain tar, for targets of the kind "${short}". */
export function ${factory}(): Plugin {
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.resolveExporter.for('${short}').tap(name, ({ ref }) => ({
        export: (source, context) => writeFiles(ref, source, context),
      }));
    },
  };
}

async function writeFiles(
  ref: string,
  source: ExportSource,
  { cwd, signal, onProgress }: ExportContext,
): Promise<Exported> {
  if (ref === '') {
    throw buildError(errors, 'EXPORT_TARGET_INVALID', { target: '${short}', problem: 'it names no file' });
  }
  const path = resolve(cwd, ref);
  const aside = \`\${path}.new\`;
  let bytes = 0;
  async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      onProgress((bytes += chunk.length));
      yield chunk;
    }
  }
  try {
    await pipeline(counted(await source.openTar(signal)), createWriteStream(aside), { signal });
    await rename(aside, path);
    return { location: path };
  } finally {
    // After the rename it is not there any more; before, it is half-written.
    await rm(aside, { force: true });
  }
}

export { ${factory} as plugin };
`,
  test: ({ packageName, short }) => `import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { exporterContract } from '@melange2/plugin-api/testing';
import { expect, test } from 'vitest';
import { plugin } from './index.ts';

const contract = exporterContract({
  make: plugin,
  npmName: '${packageName}',
  kind: '${short}',
  target: (folder) => ({ ref: join(folder, 'out.tar'), attributes: {} }),
  verify: ({ ref }) => {
    expect(execFileSync('tar', ['-xOf', ref, 'etc/sample'], { encoding: 'utf8' })).toBe('sample');
  },
});

for (const { name, run } of contract) test(name, run);
`,
  use: ({ packageName, short }) =>
    `melange2 build FILE.yaml --plugin ${packageName} --export-on-failure=${short} --export-ref=out.tar`,
};
