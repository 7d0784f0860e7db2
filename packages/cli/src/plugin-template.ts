import type { PluginKind } from './plugin-kind.ts';
import { cacheTemplate } from './templates/cache-template.ts';
import { exporterTemplate } from './templates/exporter-template.ts';
import { linterTemplate } from './templates/linter-template.ts';
import { rendererTemplate } from './templates/renderer-template.ts';
import { scaRuleTemplate } from './templates/sca-rule-template.ts';

/** What one kind of plugin starts from. */
export interface KindTemplate {
  /** What the plugin does, as a sentence without full stop. */
  readonly description: string;
  /** The contract package whose values it uses, without scope. */
  readonly dependencies: readonly string[];
  /** Contract packages that it only takes types from. */
  readonly types: readonly string[];
  /** Text of `src/index.ts`. */
  readonly source: (names: PluginNames) => string;
  /** Text of `src/index.test.ts`. */
  readonly test: (names: PluginNames) => string;
  /** What a user writes to see it at work. */
  readonly use: (names: PluginNames) => string;
}

/** The names that a new plugin has in its files. */
export interface PluginNames {
  /** Of its npm package. */
  readonly packageName: string;
  /** What it is about, for names inside: `zig` of `@acme/melange2-cache-zig`. */
  readonly short: string;
  /** Of its factory: `cacheZig`. */
  readonly factory: string;
}

const kinds: Readonly<Record<PluginKind, KindTemplate>> = {
  cache: cacheTemplate,
  exporter: exporterTemplate,
  renderer: rendererTemplate,
  linter: linterTemplate,
  sca: scaRuleTemplate,
};

/** The files of a new plugin by path. `version` is that of melange2, which the plugin is made for. */
export function pluginTemplate(
  kind: PluginKind,
  packageName: string,
  version: string,
): Readonly<Record<string, string>> {
  const template = kinds[kind];
  const names = pluginNames(kind, packageName);
  return {
    'package.json': manifest(template, names, version),
    'tsconfig.json': tsconfig,
    'README.md': readme(template, names),
    'src/index.ts': template.source(names),
    'src/index.test.ts': template.test(names),
  };
}

/** Takes the names apart: `@acme/melange2-cache-zig` is the factory `cacheZig`, about `zig`. */
function pluginNames(kind: PluginKind, packageName: string): PluginNames {
  const own = packageName.slice(packageName.indexOf('/') + 1).replace(/^melange2?-/, '');
  const words = own.split(/[^a-z0-9]+/).filter((word) => word !== '');
  const families = new Set<string>([kind, 'progress', 'lint']);
  const about = words.filter((word) => !families.has(word));
  const short = (about.length === 0 ? words : about).join('-') || 'own';
  const camel = words.map((word, i) => (i === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)));
  const factory = camel.join('');
  return { packageName, short, factory: /^[a-z]/.test(factory) ? factory : `plugin${factory}` };
}

function manifest(
  { description, dependencies, types }: KindTemplate,
  names: PluginNames,
  version: string,
): string {
  const own = (list: readonly string[]): [string, string][] =>
    list.map((name) => [`@melange2/${name}`, `^${version}`]);
  const document = {
    name: names.packageName,
    version: '0.1.0',
    description,
    keywords: ['melange2-plugin'],
    files: ['dist', '!dist/*.test.*'],
    type: 'module',
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
    scripts: { build: 'tsc', test: 'vitest run --dir src' },
    ...(dependencies.length === 0 ? {} : { dependencies: Object.fromEntries(own(dependencies)) }),
    peerDependencies: Object.fromEntries(own(['plugin-api'])),
    devDependencies: Object.fromEntries([
      ...own([...types, 'plugin-api']),
      ['@types/node', '^24.0.0'],
      ['typescript', '^7.0.0'],
      ['vitest', '^5.0.0'],
    ]),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

const tsconfig = `${JSON.stringify(
  {
    compilerOptions: {
      target: 'es2023',
      module: 'nodenext',
      strict: true,
      declaration: true,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
      types: ['node'],
      rootDir: 'src',
      outDir: 'dist',
    },
    include: ['src'],
  },
  undefined,
  2,
)}\n`;

function readme({ description, use }: KindTemplate, names: PluginNames): string {
  return `# ${names.packageName}

${description}. A plugin for melange2.

## Use

Install it beside your build files, then name it in \`melange2.config.ts\` there or in a folder above:

\`\`\`ts
import { defineConfig } from '@melange2/plugin-api';

export default defineConfig({ plugins: ['${names.packageName}'] });
\`\`\`

or for one build:

    ${use(names)}

## Develop

    npm install
    npm test        # the contract that every plugin of this kind keeps
    npm run build   # compiles to dist/
`;
}
