import type { ApkPackage } from '@melange2/apk';
import type { PackageRecipe } from '@melange2/packager';
import { parse } from 'yaml';

/** What a written package says of itself, as far as checks and rules ask for it. */
export interface WrittenRecipe {
  readonly recipe: PackageRecipe;
  /** Linters that only warn for it. */
  readonly disabled: readonly string[];
  /** Pipelines that its test uses directly; `undefined` when the build file is not in the package. */
  readonly testPipelines: readonly string[] | undefined;
  /** Declared licences with the files that have their texts. */
  readonly copyright: readonly {
    readonly license: string;
    readonly licensePath: string;
    readonly detectionOverride: string;
  }[];
}

/** Reads the recipe of a written package from its `.PKGINFO`, and from the compiled build file in it. */
export function writtenRecipe(pkg: ApkPackage): WrittenRecipe {
  const { info } = pkg;
  const file = readBuildFile(pkg);
  const main = recordOf(file?.['package']);
  const own =
    main['name'] === info.name
      ? { about: main, test: file?.['test'] }
      : subpackageOf(file?.['subpackages'], info.name);
  const { about, test } = own ?? { about: {}, test: undefined };
  const options = recordOf(about['options']);
  const dependencies = recordOf(about['dependencies']);
  const scripts = pkg.controlFiles.filter(({ name }) => /^\.(pre|post|trigger)/.test(name));
  const recipe: PackageRecipe = {
    name: info.name,
    version: info.version,
    arch: info.arch,
    description: info.description,
    url: info.url,
    commit: info.commit ?? '',
    licenses: info.licenses,
    origin: info.origin ?? info.name,
    namespace: info.maintainer ?? '',
    depends: textsOf(dependencies['runtime']),
    provides: textsOf(dependencies['provides']),
    replaces: textsOf(dependencies['replaces']),
    providerPriority: info.providerPriority,
    replacesPriority: info.replacesPriority,
    noProvides: options['no-provides'] === true,
    noDepends: options['no-depends'] === true,
    noCommands: options['no-commands'] === true,
    noVersionedLibraries: options['no-versioned-shlib-deps'] === true,
    scripts: new Map(scripts.map(({ name, bytes }) => [name, Buffer.from(bytes).toString()])),
    triggers: info.triggers,
    setcap: [],
  };
  return {
    recipe,
    disabled: textsOf(recordOf(about['checks'])['disabled']),
    testPipelines: own === undefined ? undefined : pipelinesOf(test),
    copyright: listOf(main['copyright']).map((entry) => ({
      license: textOf(recordOf(entry)['license']),
      licensePath: textOf(recordOf(entry)['license-path']),
      detectionOverride: textOf(recordOf(entry)['detection-override']),
    })),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** The build file of whoever made the package: nothing in it is sure. */
function readBuildFile(pkg: ApkPackage): Fields | undefined {
  const file = pkg.controlFiles.find(({ name }) => name === '.melange.yaml');
  if (file === undefined) return undefined;
  try {
    const read = recordOf(parse(Buffer.from(file.bytes).toString(), { maxAliasCount: 100 }));
    return 'package' in read ? read : undefined;
  } catch {
    return undefined;
  }
}

function subpackageOf(list: unknown, name: string): { about: Fields; test: unknown } | undefined {
  const found = listOf(list)
    .map(recordOf)
    .find((sub) => sub['name'] === name);
  return found === undefined ? undefined : { about: found, test: found['test'] };
}

function pipelinesOf(test: unknown): string[] {
  return listOf(recordOf(test)['pipeline']).flatMap((step) => {
    const uses = textOf(recordOf(step)['uses']);
    return uses === '' ? [] : [uses];
  });
}

function recordOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textsOf(value: unknown): string[] {
  return listOf(value).map(textOf);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
