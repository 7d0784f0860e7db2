import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';

const buildFileNames = ['.melange.yaml', '.melange.yml', 'melange.yaml', 'melange.yml'];

/**
 * The build file of a folder, by its usual names.
 *
 * @throws {BuildError} CLI_NO_BUILD_FILE
 */
export function findBuildFile(cwd: string): string {
  const found = buildFileNames.find((name) => existsSync(join(cwd, name)));
  if (found === undefined) throw buildError(errors, 'CLI_NO_BUILD_FILE', { tried: buildFileNames });
  return found;
}
