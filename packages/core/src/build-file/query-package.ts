import { queryConfig, type QueryResult } from '@melange2/config';
import { readConfig } from './read-config.ts';

/**
 * Runs a Go template on the configuration of a build file.
 *
 * @throws {BuildError} FILE_UNREADABLE, BUILD_FILE_INVALID
 */
export async function queryPackage(path: string, shown: string, template: string): Promise<QueryResult> {
  return queryConfig(await readConfig(path, shown), template);
}
