import { readFile } from 'node:fs/promises';
import { decodeBuildFile, parseConfig, type PackageConfig } from '@melange2/config';
import { hasErrors } from '@melange2/diagnostics';
import { unreadable } from '../file-source.ts';
import { invalidBuildFile } from './invalid-build-file.ts';

/**
 * The text of a build file.
 *
 * @throws {BuildError} FILE_UNREADABLE, BUILD_FILE_INVALID when it is no text
 */
export async function readBuildText(path: string, shown: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw unreadable(shown, cause);
  });
  const { value, diagnostics } = decodeBuildFile(bytes, shown);
  if (value === undefined) throw invalidBuildFile(shown, diagnostics);
  return value;
}

/**
 * What a build file means by itself, without anything compiled and without warnings.
 *
 * @throws {BuildError} FILE_UNREADABLE, BUILD_FILE_INVALID
 */
export async function readConfig(path: string, shown: string): Promise<PackageConfig> {
  const { value, diagnostics } = parseConfig(await readBuildText(path, shown), shown, { warnings: false });
  if (value === undefined || hasErrors(diagnostics)) throw invalidBuildFile(shown, diagnostics);
  return value;
}
