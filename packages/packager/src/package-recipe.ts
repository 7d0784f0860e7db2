import type { Capability, PackageConfig, PackageOptions, Scriptlets, Subpackage } from '@melange2/config';

/** What the build file says about one package, main or sub, as far as it concerns packaging. */
export interface PackageRecipe {
  readonly name: string;
  /** Full version with release, `3.0-r7`. */
  readonly version: string;
  readonly arch: string;
  readonly description: string;
  readonly url: string;
  readonly commit: string;
  /** One per copyright entry. */
  readonly licenses: readonly string[];
  readonly origin: string;
  /** Who the package comes from; empty for nobody. */
  readonly namespace: string;
  readonly depends: readonly string[];
  readonly provides: readonly string[];
  readonly replaces: readonly string[];
  readonly providerPriority: number | undefined;
  readonly replacesPriority: number | undefined;
  readonly noProvides: boolean;
  readonly noDepends: boolean;
  readonly noCommands: boolean;
  readonly noVersionedLibraries: boolean;
  /** Texts by their names in the package, such as `.post-install`. */
  readonly scripts: ReadonlyMap<string, string>;
  readonly triggers: readonly string[];
  readonly setcap: readonly Pick<Capability, 'path' | 'add'>[];
}

export interface RecipeOptions {
  /** As apk names it: `x86_64`, `aarch64`. */
  readonly arch: string;
  /** Commit of the repository that the build file is in; a commit written in the file goes first. */
  readonly commit?: string;
  /** Default `unknown`, as the field has it. */
  readonly namespace?: string;
  /** Lets every package be its own origin. */
  readonly stripOriginName?: boolean;
}

/**
 * Lists what is to be packaged, the main package first.
 *
 * `config` is compiled: its texts are final, and only the subpackages that are to be built are in it.
 */
export function packageRecipes(
  config: Pick<PackageConfig, 'package' | 'subpackages'>,
  options: RecipeOptions,
): PackageRecipe[] {
  const { package: main, subpackages } = config;
  const version = `${main.version}-r${main.epoch}`;
  const licenses = main.copyright.map(({ license }) => license);
  const recipe = (one: Subpackage | PackageConfig['package']): PackageRecipe => ({
    name: one.name,
    version,
    arch: options.arch,
    description: one.description,
    url: one.url,
    commit: one.commit || main.commit || (options.commit ?? ''),
    licenses,
    origin: options.stripOriginName === true ? one.name : main.name,
    namespace: options.namespace ?? 'unknown',
    depends: one.dependencies.runtime,
    provides: one.dependencies.provides,
    replaces: one.dependencies.replaces,
    providerPriority: priority(one.dependencies.providerPriority),
    replacesPriority: priority(one.dependencies.replacesPriority),
    ...switches(one.options),
    scripts: scriptsOf(one.scriptlets),
    triggers: one.scriptlets?.trigger.paths ?? [],
    setcap: one.setcap,
  });
  return [recipe(main), ...subpackages.map(recipe)];
}

function priority(text: string): number | undefined {
  return /^-?[0-9]+$/.test(text) ? Number(text) : undefined;
}

function switches(
  options: PackageOptions | undefined,
): Pick<PackageRecipe, 'noProvides' | 'noDepends' | 'noCommands' | 'noVersionedLibraries'> {
  return {
    noProvides: options?.noProvides ?? false,
    noDepends: options?.noDepends ?? false,
    noCommands: options?.noCommands ?? false,
    noVersionedLibraries: options?.noVersionedShlibDeps ?? false,
  };
}

function scriptsOf(scriptlets: Scriptlets | undefined): ReadonlyMap<string, string> {
  if (scriptlets === undefined) return new Map();
  return new Map(
    [
      ['.pre-install', scriptlets.preInstall],
      ['.post-install', scriptlets.postInstall],
      ['.pre-deinstall', scriptlets.preDeinstall],
      ['.post-deinstall', scriptlets.postDeinstall],
      ['.pre-upgrade', scriptlets.preUpgrade],
      ['.post-upgrade', scriptlets.postUpgrade],
      ['.trigger', scriptlets.trigger.script],
    ].filter((pair): pair is [string, string] => pair[1] !== ''),
  );
}
