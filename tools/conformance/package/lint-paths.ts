import { bytesSource, packageTree, tarHeader } from '@melange2/apk';
import { linters, lintPackage } from '@melange2/lint';
import type { Compare } from './comparison.ts';

/** Paths, and which of them each linter reports in a package of each name. */
export interface LintPaths {
  readonly findings: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly paths: readonly string[];
}

/** Every path alone in a package, before every linter. */
export async function lintPaths({ findings, paths }: LintPaths, compare: Compare): Promise<void> {
  for (const [name, byLinter] of Object.entries(findings)) {
    const found = new Map<string, string[]>();
    for (const path of paths) {
      const content = bytesSource(Buffer.from('x'));
      const tree = packageTree([{ header: tarHeader({ name: path, size: 1, mode: 0o644 }), content }]);
      const subject = { name, tree, testPipelines: [] };
      const { results } = await lintPackage(subject, { require: [], warn: linters.map((l) => l.name) });
      for (const { linter } of results) found.set(linter, [...(found.get(linter) ?? []), path]);
    }
    for (const [linter, want] of Object.entries(byLinter)) {
      if (linter !== 'empty') compare(`lint-paths ${name} ${linter}`, found.get(linter) ?? [], want);
    }
  }
}
