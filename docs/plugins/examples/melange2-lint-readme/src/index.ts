import type { Linter } from '@melange2/lint';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

const name = 'melange2-lint-readme';

const readme: Linter = {
  name: 'readme/missing',
  level: 'warn',
  explain: 'Install a README below usr/share/doc, or list this linter in checks.disabled.',
  check: ({ name: packageName, tree }) => {
    if (!packageName.endsWith('-doc')) return [];
    const found = tree.entries.some(({ header }) => /^usr\/share\/doc\/.*README/i.test(header.name));
    return found ? [] : [{ message: `${packageName} has no README` }];
  },
};

/** Wants documentation packages to have something to read. */
export function lintReadme(): Plugin {
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.checkPackage.tap(name, (_pkg, report) => report.lint(readme));
    },
  };
}

export { lintReadme as plugin };
