import type { Reporter, TestModule } from 'vitest/node';

const signs = { passed: 'ok', failed: 'FAILED', skipped: '-', pending: '?' } as const;

/**
 * Prints what was tried on which daemon as a table, for tests that a block named `… BuildKit <version>` runs on each.
 * Where a daemon cannot do something, and the test has shown that, the table names what it lacks.
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
        const { state } = test.result();
        const { lacks } = test.meta();
        row.set(daemon, state === 'passed' && lacks !== undefined ? `lacks ${lacks}` : signs[state]);
        rows.set(name, row);
      }
    }
    if (rows.size === 0) return;
    const columns = [...daemons];
    const table = [
      ['BuildKit', ...columns],
      ...[...rows].map(([name, row]) => [name, ...columns.map((daemon) => row.get(daemon) ?? '')]),
    ];
    const widths = table[0]!.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
    console.log();
    for (const cells of table)
      console.log(
        cells
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd(),
      );
  }
}
