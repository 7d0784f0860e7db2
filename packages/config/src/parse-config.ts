import type { Parsed } from '@melange2/diagnostics';
import type { PackageConfig } from './package-config.ts';
import type { ParseOptions } from './parse-options.ts';

/**
 * Reads one build file and reports every problem in it, not only the first.
 *
 * Pure: reads no file and no environment. `file` is used in spans only. A value comes also with errors, as
 * far as it could be read, so that later stages can find theirs; there is none when the text is no YAML map.
 *
 * @see https://github.com/chainguard-dev/melange/blob/2043d30b549e6f03c43e90341fb77c3532c4b790/docs/BUILD-FILE.md
 */
export function parseConfig(text: string, file: string, options: ParseOptions = {}): Parsed<PackageConfig> {
  throw new Error(
    `the reader of build files is being written: ${file}, ${text.length}, ${Object.keys(options).length}`,
  );
}
