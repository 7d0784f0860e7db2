import { readConfig } from './read-config.ts';

/**
 * The full name of a build file's main package, `name-version-rEPOCH`.
 *
 * @throws {BuildError} FILE_UNREADABLE, BUILD_FILE_INVALID
 */
export async function packageVersion(path: string, shown: string): Promise<string> {
  const { name, version, epoch } = (await readConfig(path, shown)).package;
  return `${name}-${version}-r${epoch}`;
}
