// Bundles the command line, so that it starts with few files: dist/bundle/main.js and its lazily loaded parts.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'dist/bundle');

const bundle = await rolldown({
  input: {
    main: join(here, 'dist/main.js'),
    // Started as a thread from the file beside it, so its name has to stay.
    'session-worker': join(here, '../buildkit-client/dist/session/session-worker.js'),
  },
  platform: 'node',
  resolve: { conditionNames: ['node', 'import', 'default'] },
  treeshake: true,
});
rmSync(out, { recursive: true, force: true });
await bundle.write({
  dir: out,
  format: 'esm',
  sourcemap: true,
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
});
await bundle.close();
