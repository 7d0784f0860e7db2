import type { KindTemplate } from '../plugin-template.ts';

/** A rule that finds dependencies by paths. */
export const scaRuleTemplate: KindTemplate = {
  description: 'Finds what packages with certain files depend on',
  dependencies: [],
  types: [],
  source: ({
    packageName,
    short,
    factory,
  }) => `import { API_VERSION, type Plugin } from '@melange2/plugin-api';

const name = '${packageName}';

/** Packages with files below \`usr/share/${short}\` need ${short}, and provide \`${short}:FILE\`. */
export function ${factory}(): Plugin {
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyPackage.tap(name, (pkg) => {
        const files = pkg.tree.entries.flatMap(({ header }) => {
          const [, file] = /^usr\\/share\\/${short}\\/([\\w.-]+)$/.exec(header.name) ?? [];
          return file === undefined || header.type === 'directory' ? [] : [file];
        });
        if (files.length === 0) return pkg;
        const { found, recipe } = pkg;
        return {
          ...pkg,
          found: {
            ...found,
            depends: [...found.depends, '${short}'],
            provides: [...found.provides, ...files.map((file) => \`${short}:\${file}=\${recipe.version}\`)],
          },
        };
      });
    },
  };
}

export { ${factory} as plugin };
`,
  test: ({ packageName, short }) => `import { scaRuleContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { plugin } from './index.ts';

const contract = scaRuleContract({
  make: plugin,
  npmName: '${packageName}',
  finds: [
    {
      files: { 'usr/share/${short}/thing': 'x' },
      depends: ['${short}'],
      provides: ['${short}:thing=1.0.0-r0'],
    },
  ],
  ignores: [{ 'usr/share/other/thing': 'x' }],
});

for (const { name, run } of contract) test(name, run);
`,
  use: ({ packageName }) => `melange2 build FILE.yaml --plugin ${packageName}`,
};
