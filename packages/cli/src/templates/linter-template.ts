import type { KindTemplate } from '../plugin-template.ts';

/** A linter that looks at the paths of a package. */
export const linterTemplate: KindTemplate = {
  description: 'Looks for backup files in packages',
  dependencies: [],
  types: ['lint'],
  source: ({ packageName, short, factory }) => `import type { Linter } from '@melange2/lint';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

const name = '${packageName}';

const linter: Linter = {
  // What people write into checks.disabled and behind --lint-require.
  name: '${short}/backups',
  level: 'warn',
  explain: 'Remove them in a step of the build.',
  check: ({ name: packageName, tree }) => {
    const paths = tree.entries.map(({ header }) => header.name).filter((path) => path.endsWith('~'));
    return paths.length === 0 ? [] : [{ message: \`\${packageName} has backup files\`, details: { paths } }];
  },
};

/** Looks for backup files in packages. */
export function ${factory}(): Plugin {
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.checkPackage.tap(name, (_pkg, report) => report.lint(linter));
    },
  };
}

export { ${factory} as plugin };
`,
  test: ({ packageName }) => `import { linterContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { plugin } from './index.ts';

const contract = linterContract({
  make: plugin,
  npmName: '${packageName}',
  finds: [{ files: { 'etc/tool.conf~': 'x' } }],
  passes: [{ files: { 'etc/tool.conf': 'x' } }],
});

for (const { name, run } of contract) test(name, run);
`,
  use: ({ packageName, short }) =>
    `melange2 build FILE.yaml --plugin ${packageName} --lint-warn ${short}/backups`,
};
