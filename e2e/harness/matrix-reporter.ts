import type { Reporter, TestModule } from 'vitest/node';

const signs = { passed: 'ok', failed: 'FAILED', skipped: '-', pending: '?' } as const;

/**
 * Prints what was tried on which daemon as a table, for tests that a block named `… BuildKit <version>` runs on each.
 *
 * `pnpm e2e:matrix`
 */
export default class MatrixReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = new Map<string, Map<string, string>>();
    const daemons = new Set<string>();
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const block = /^(.*?) ?(?:on |of |and |with )?BuildKit (\S+)$/.exec(
          test.parent.type === 'suite' ? test.parent.name : '',
        );
        if (block === null) continue;
        const [, subject = '', daemon = ''] = block;
        daemons.add(daemon);
        const name = `${subject === '' ? '' : `${subject}: `}${test.name}`;
        const row = rows.get(name) ?? new Map<string, string>();
        row.set(daemon, signs[test.result().state]);
        rows.set(name, row);
      }
    }
    if (rows.size === 0) return;
    const columns = [...daemons];
    const width = Math.max(...[...rows.keys()].map((name) => name.length));
    console.log(`\n${'BuildKit'.padEnd(width)}  ${columns.map((daemon) => daemon.padEnd(7)).join(' ')}`);
    for (const [name, row] of rows) {
      const cells = columns.map((daemon) => (row.get(daemon) ?? '').padEnd(7)).join(' ');
      console.log(`${name.padEnd(width)}  ${cells}`.trimEnd());
    }
  }
}
