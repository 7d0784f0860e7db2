import type { Environment } from '@melange2/environment';
import type { PlannedStep } from '@melange2/pipeline';
import type { ArchitectureBuild } from '../architecture-build.ts';

/** Warns where steps are to lose capabilities and nothing in their environment can take them away. */
export function tellKeptCapabilities(
  { bus, architecture }: Pick<ArchitectureBuild, 'bus' | 'architecture'>,
  steps: readonly PlannedStep[],
  { capabilityTool }: Pick<Environment, 'capabilityTool'>,
): void {
  const names = [...new Set(steps.flatMap(({ drop = [] }) => drop))];
  if (names.length === 0 || capabilityTool !== undefined) return;
  const text = `steps keep the capabilities that the build file drops (${names.join(', ')}): a package with setpriv (of util-linux) or capsh (of libcap) has to be in "environment.contents.packages"`;
  bus.emit({ type: 'notice', level: 'warning', text, architecture });
}
