// Bundles the command line, so that it starts with few files: dist/bundle/main.js and its lazily loaded parts.
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'dist/bundle');
const ofConfig = createRequire(join(here, '../config/package.json'));

/**
 * Libraries that most build files need nothing of, each in a file of its own that is read at the first use of one
 * of its exports: [where the library is, where what is bundled of it begins].
 */
const onDemand = {
  re2js: [ofConfig.resolve('re2js'), join(dirname(ofConfig.resolve('re2js')), 'index.js')],
  // Of this build, the modules that nothing uses can be left out; what the others do is the same.
  yaml: [ofConfig.resolve('yaml'), join(dirname(ofConfig.resolve('yaml')), '../browser/index.js')],
};

/** What the parser of command lines would load at each start for commands that are programs of their own. */
const forCommander = {
  // The builtin's own module opens all streams of the process.
  'node:process': 'export default globalThis.process;',
  'node:child_process': 'export default {};',
};

/** The version as a value, so that no start looks for the file that has it. */
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const versionModule = `export const version = ${JSON.stringify(version)};`;

const stand = '\0stand-in/';

/** A module with the exports of a library that loads it when one of them is called, made or looked into. */
async function onDemandModule(name) {
  const exports = Object.keys(await import(pathToFileURL(onDemand[name][0]).href)).filter((key) =>
    /^(?!default$)\w+$/.test(key),
  );
  return `import { createRequire } from 'node:module';
let loaded;
const library = () => (loaded ??= createRequire(import.meta.url)('./${name}.js'));
const part = (name) => new Proxy(function () {}, {
  apply: (_, self, args) => Reflect.apply(library()[name], self, args),
  construct: (_, args) => Reflect.construct(library()[name], args),
  get: (_, key) => library()[name][key],
});
${exports.map((key) => `export const ${key} = /* @__PURE__ */ part('${key}');`).join('\n')}
`;
}

const bundle = await rolldown({
  input: {
    main: join(here, 'dist/main.js'),
    // Started as threads from the files beside them, so their names have to stay.
    'session-worker': join(here, '../buildkit-client/dist/session/session-worker.js'),
    'content-reader-worker': join(here, '../buildkit-client/dist/session/fsutil/content-reader-worker.js'),
    ...Object.fromEntries(Object.entries(onDemand).map(([name, [, entry]]) => [name, entry])),
  },
  platform: 'node',
  resolve: { conditionNames: ['node', 'import', 'default'] },
  treeshake: true,
  plugins: [
    {
      name: 'stand-ins',
      resolveId(id, importer = '') {
        if (id in onDemand) return `${stand}${id}`;
        return importer.includes('/commander/') && id in forCommander ? `${stand}${id}` : undefined;
      },
      load(id) {
        if (id === join(here, 'dist/version.js')) return versionModule;
        if (!id.startsWith(stand)) return undefined;
        const name = id.slice(stand.length);
        return forCommander[name] ?? onDemandModule(name);
      },
    },
  ],
});
rmSync(out, { recursive: true, force: true });
await bundle.write({
  dir: out,
  format: 'esm',
  sourcemap: true,
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  // Less to read at each start. Names stay, for the stacks of bugs.
  minify: { compress: false, mangle: false, codegen: true },
  codeSplitting: {
    groups: [
      {
        // Every command needs these; in one file they are there sooner than in ten.
        name: 'base',
        test: /packages\/(diagnostics\/dist|cli\/dist\/(main|errors|exit-code|report-error|version|terminal))/,
      },
    ],
  },
});
await bundle.close();
// What is read by its place as seen from a file of the bundle.
cpSync(join(here, '../license/generated'), join(here, 'dist/generated'), { recursive: true });
