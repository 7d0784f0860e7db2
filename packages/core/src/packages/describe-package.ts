import { holds, type PackageConfig } from '@melange2/config';
import { attachSbom, type AnalysedPackage } from '@melange2/packager';
import type { CompiledStep } from '@melange2/pipeline';
import { type SourceStep, sourceSteps } from '@melange2/sbom';
import { type ArchitectureBuild, compiledOf } from '../architecture-build.ts';
import type { LicenseFiles } from './license-files.ts';

/** What the description of a package needs besides the package. */
export interface DescriptionFacts {
  readonly config: PackageConfig;
  readonly licenses: LicenseFiles;
  /** Seconds since 1970. */
  readonly epoch: number;
}

/** Puts the description of a package into it: what it is, and which build file and sources it was made from. */
export function describePackage(
  pkg: AnalysedPackage,
  build: ArchitectureBuild,
  { config, licenses, epoch }: DescriptionFacts,
): AnalysedPackage {
  const { request, inputs, kernel } = build;
  const { steps, subpackages } = compiledOf(build);
  const { package: main } = config;
  const sub = pkg.recipe.name === main.name ? undefined : subpackages.find((s) => s.name === pkg.recipe.name);
  return attachSbom(pkg, {
    copyright: main.copyright.map(({ license, attestation }, number) => {
      const text = licenses.declared.get(number);
      return { license, attestation, ...(text === undefined ? {} : { text }) };
    }),
    cpe: main.cpe,
    buildFile: {
      path: inputs.pathInRepository,
      repository: inputs.repository,
      commit: inputs.commit,
      license: request.license,
    },
    sources: sourcesOf(steps),
    ownSources: sub === undefined ? [] : sourcesOf(sub.steps),
    createdSeconds: epoch,
    tool: `melange2-${kernel.host.version}`,
  });
}

function sourcesOf(steps: readonly CompiledStep[]): SourceStep[] {
  return sourceSteps(steps, ({ condition }) => condition === undefined || holds(condition, new Map()));
}
