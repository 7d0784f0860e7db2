import { type PackageConfig, referenceJson } from '@melange2/config';
import type { LockedEnvironment } from '@melange2/environment';
import { stringify } from 'yaml';

/**
 * The text of `.melange.yaml`: the compiled build file as YAML, its environment locked to the packages that were
 * used. Equal input gives equal text.
 */
export function melangeYaml(config: PackageConfig, locked: LockedEnvironment): string {
  const packages = locked.packages.map(({ name, version }) => `${name}=${version}`).toSorted();
  const { environment } = config;
  const contents = { ...environment.contents, packages };
  const document = referenceJson({ ...config, environment: { ...environment, contents } });
  return stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
}
