// Makes one file of each entry of a package before it is packed: a program that imports the package waits for every file
// that is read. Entries are what `publishConfig.exports` has below dist/bundle; other packages stay what they are.
// Runs in the folder of the package, as its `prepack`, after tsc.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';

const { publishConfig } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.values(publishConfig.exports)
  .map((entry) => entry.default ?? '')
  .filter((file) => file.startsWith('./dist/bundle/'))
  .map((file) => `dist/${basename(file)}`);

const bundle = await rolldown({ input: entries, platform: 'neutral', external: /^[^./]/, treeshake: false });
const { output } = await bundle.generate({
  dir: 'dist/bundle',
  format: 'esm',
  sourcemap: true,
  chunkFileNames: '[name].js',
});
await bundle.close();
mkdirSync('dist/bundle', { recursive: true });
for (const { fileName, code, source } of output) {
  // The package may be packed more than once at a time.
  const path = join('dist/bundle', fileName);
  writeFileSync(`${path}.${process.pid}`, code ?? source);
  renameSync(`${path}.${process.pid}`, path);
}
