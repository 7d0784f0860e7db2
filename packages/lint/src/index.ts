export { formatLintResults, lintersToRun, lintPackage } from './lint-package.ts';
export type { LintOptions, LintReport, LintResult } from './lint-package.ts';
export { linters } from './linters.ts';
export type { DuplicateSet, Finding, FindingDetails, Linter, LintLevel, LintSubject } from './linter.ts';
export { humanSize } from './duplicate-linter.ts';
export { errors } from './errors.ts';
