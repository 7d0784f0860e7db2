import type { EnvironmentContents } from '@melange2/config';
import { BuildError, hasErrors, type Span } from '@melange2/diagnostics';
import { lockEnvironment, type LockedEnvironment } from '@melange2/environment';
import type { EnvironmentRequest } from '@melange2/plugin-api';
import { type ArchitectureBuild, contextOf } from './architecture-build.ts';
import { errors } from './errors.ts';

/**
 * Decides which packages make an environment: those of the build file and its steps, with what the request and the
 * plugins add.
 *
 * @throws {BuildError} BUILD_ENVIRONMENT_UNSOLVABLE with the reasons in `diagnostics`; those of `lockEnvironment`
 */
export async function resolveEnvironment(
  build: ArchitectureBuild,
  wantedBy: {
    readonly name: string;
    readonly contents: EnvironmentContents;
    readonly packages: readonly string[];
    /** Where one of the packages is asked for. */
    readonly placeOfPackage: (entry: string) => Span | undefined;
    /** True where one of the packages is what will be tested. */
    readonly tested?: boolean;
  },
): Promise<LockedEnvironment> {
  const { kernel, request, architecture, cacheDir, transport, signal, bus } = build;
  const { contents, packages, name } = wantedBy;
  const wanted: EnvironmentRequest = await kernel.hooks.modifyEnvironment.promise(
    {
      packages: [...packages, ...request.packages],
      repositories: [...contents.repositories, ...contents.buildRepositories, ...request.repositories],
      keyring: [...contents.keyring, ...request.keyring],
    },
    contextOf(build),
  );
  const { value, diagnostics } = await lockEnvironment({
    world: wanted.packages,
    repositories: wanted.repositories,
    keyring: wanted.keyring,
    arch: architecture,
    directory: kernel.host.cwd,
    cacheDir,
    transport,
    placeOf: (text) => wantedBy.placeOfPackage(text) ?? placeOfSource(contents, text),
    ignoreSignatures: request.ignoreSignatures,
    signal,
  });
  if (value === undefined || hasErrors(diagnostics)) {
    const details = {
      package: name,
      architecture,
      count: diagnostics.filter((d) => d.severity === 'error').length,
      tested: wantedBy.tested === true,
    };
    const { title, message, hint } = errors.BUILD_ENVIRONMENT_UNSOLVABLE;
    throw new BuildError('BUILD_ENVIRONMENT_UNSOLVABLE', title, message(details), details, {
      diagnostics,
      hint: hint?.(details),
    });
  }
  for (const problem of diagnostics) bus.emit({ type: 'problemFound', problem });
  return value;
}

/** Where a repository or key is written. */
function placeOfSource(contents: EnvironmentContents, text: string): Span | undefined {
  const lists = [
    ['repositories', contents.repositories],
    ['build_repositories', contents.buildRepositories],
    ['keyring', contents.keyring],
  ] as const;
  for (const [key, list] of lists) {
    const index = list.findIndex((line) => line.trim() === text);
    if (index >= 0) return contents.at.value(key, index);
  }
  return undefined;
}
