import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes the build file of a package `sample` with these steps, the lines of a list, and gives its path. `packages` are
 * those of its environment, `more` is put behind the package's block, `runAs` is whom steps run as.
 */
export function sampleFile(
  dir: string,
  pipeline: string,
  {
    packages = 'busybox',
    more = '',
    runAs,
  }: { readonly packages?: string; readonly more?: string; readonly runAs?: string } = {},
): string {
  const file = join(dir, 'source/sample.yaml');
  mkdirSync(join(dir, 'source'), { recursive: true });
  writeFileSync(
    file,
    `package:
  name: sample
  version: 1.0.0
  epoch: 0
  description: Sample
${more}environment:
  contents:
    packages: [${packages}]
${runAs === undefined ? '' : `  accounts:\n    run-as: ${runAs}\n`}pipeline:
${pipeline}`,
  );
  return file;
}

/** Names of the files that a build left where packages go, the hidden ones too. */
export function packageFiles(dir: string): string[] {
  const packages = join(dir, 'packages');
  return existsSync(packages)
    ? readdirSync(packages, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
    : [];
}
