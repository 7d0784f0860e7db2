import { diagnostic, type Diagnostic } from '@melange2/diagnostics';
import { sureConfidence, type DetectedLicense } from './detect-licenses.ts';
import { errors } from './errors.ts';

/** What a build file declares of one part of the software. */
export interface DeclaredLicense {
  /** SPDX expression, or any other text. */
  readonly license: string;
  /** Path of the file with the text; empty when it is not said. */
  readonly licensePath: string;
  /** What that file is wrongly detected as, when that is known; else empty. */
  readonly detectionOverride: string;
}

/** What was detected in one file. */
export interface DetectedFile {
  readonly path: string;
  /** Empty when nothing is known of the text. */
  readonly licenses: readonly DetectedLicense[];
}

const restrictive = /^(A?GPL|LGPL|SSPL|CC-BY-NC|CC-BY-SA|EUPL|OSL|BUSL|Elastic)/;

/**
 * Compares what was detected with what is declared. All differences are warnings: a build does not fail over them.
 *
 * `-only` and `-or-later` are not told apart: the texts of both are the same.
 */
export function compareLicenses(
  declared: readonly DeclaredLicense[],
  detected: readonly DetectedFile[],
): Diagnostic[] {
  const problems: Diagnostic[] = [];
  const warn = { severity: 'warning' } as const;
  const all = new Set(declared.flatMap(({ license }) => idsOf(license)));
  for (const { path, licenses } of detected) {
    const sure = licenses.filter((l) => l.confidence >= sureConfidence);
    if (sure.length === 0) problems.push(diagnostic(errors, 'LICENSE_UNCLEAR', { path }, warn));
    const own = declared.filter((d) => d.licensePath === path);
    const expected = new Set(own.flatMap(({ license }) => idsOf(license)));
    for (const { id } of sure) {
      const name = plain(id);
      if (own.length === 0) {
        if (all.has(name)) continue;
        const details = { path, found: id, restrictive: restrictive.test(id) };
        problems.push(diagnostic(errors, 'LICENSE_NOT_DECLARED', details, warn));
        continue;
      }
      if (expected.has(name) || own.some((d) => plain(d.detectionOverride) === name)) continue;
      const declaredText = own.map((d) => d.license).join(', ');
      const override = own.find((d) => d.detectionOverride !== '')?.detectionOverride;
      problems.push(
        override === undefined
          ? diagnostic(errors, 'LICENSE_DIFFERS', { path, declared: declaredText, found: id }, warn)
          : diagnostic(
              errors,
              'LICENSE_OVERRIDE_STALE',
              { path, override, declared: declaredText, found: id },
              warn,
            ),
      );
    }
  }
  return problems;
}

/** The ids in an expression, as they are compared. */
function idsOf(expression: string): string[] {
  return expression
    .split(/[\s()]+/)
    .filter((word) => word !== '' && !['AND', 'OR', 'WITH'].includes(word))
    .map(plain);
}

function plain(id: string): string {
  return id.replace(/(-only|-or-later|\+)$/, '').toLowerCase();
}
