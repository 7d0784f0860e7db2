import { BuildError, type Diagnostic, sortDiagnostics } from '@melange2/diagnostics';
import { errors } from '../errors.ts';

/** The error that stands for all problems of a build file. */
export function invalidBuildFile(file: string, problems: readonly Diagnostic[]): BuildError {
  const count = problems.filter((p) => p.severity === 'error').length;
  const { title, message } = errors.BUILD_FILE_INVALID;
  const details = { file, count };
  return new BuildError('BUILD_FILE_INVALID', title, message(details), details, {
    diagnostics: sortDiagnostics(problems),
  });
}
