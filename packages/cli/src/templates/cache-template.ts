import type { KindTemplate } from '../plugin-template.ts';

/** A cache that steps which use a tool have as a folder. */
export const cacheTemplate: KindTemplate = {
  description: 'Keeps the cache of a tool between builds',
  dependencies: ['cache'],
  types: [],
  source: ({ packageName, short, factory }) => `import { type CacheMount, usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

const name = '${packageName}';

/** Keeps the cache of ${short} between builds. */
export function ${factory}({ home = '/home/build' }: { readonly home?: string } = {}): Plugin {
  const target = \`\${home}/.cache/${short}\`;
  const mount: CacheMount = {
    name: '${short}',
    target,
    // 'shared' for a cache that several builds may write at once, else 'locked'.
    sharing: 'locked',
    // How ${short} is told where its cache is; a variable that the step sets itself goes before.
    env: { ${short.replaceAll('-', '_').toUpperCase()}_CACHE_DIR: target },
    // What else may not share one cache, such as the version of the compiler.
    identity: [],
    plugin: name,
  };
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['${short}']) ? [...mounts, mount] : mounts,
      );
    },
  };
}

export { ${factory} as plugin };
`,
  test: ({ packageName, short }) => `import { cacheStrategyContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { plugin } from './index.ts';

const contract = cacheStrategyContract({
  make: plugin,
  npmName: '${packageName}',
  serves: [{ script: '${short} build' }],
  ignores: [{ script: 'make' }],
});

for (const { name, run } of contract) test(name, run);
`,
  use: ({ packageName }) => `melange2 build FILE.yaml --plugin ${packageName}`,
};
