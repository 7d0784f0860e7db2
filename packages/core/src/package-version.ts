import { readFile } from 'node:fs/promises';
import { parseConfig } from '@melange2/config';
import { hasErrors } from '@melange2/diagnostics';
import { unreadable } from './file-source.ts';
import { invalidBuildFile } from './invalid-build-file.ts';

/**
 * The full name of a build file's main package, `name-version-rEPOCH`.
 *
 * @throws {BuildError} FILE_UNREADABLE, BUILD_FILE_INVALID
 */
export async function packageVersion(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const { value, diagnostics } = parseConfig(text, file, { warnings: false });
  if (value === undefined || hasErrors(diagnostics)) throw invalidBuildFile(file, diagnostics);
  const { name, version, epoch } = value.package;
  return `${name}-${version}-r${epoch}`;
}
