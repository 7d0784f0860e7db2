import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type IndexRecord, parseIndex } from '@melange2/apk';
import type { PackageRecipe } from '@melange2/packager';
import { describePackage, type SourceStep, type SpdxDocument } from '@melange2/sbom';
import { parse } from 'yaml';

/** One entry of an archive, as observed. */
export interface Entry {
  readonly name: string;
  readonly nameB64?: string;
  readonly type: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  readonly size?: number;
  readonly mtime: number;
  readonly linkname?: string;
  readonly linknameB64?: string;
  readonly dev?: readonly [number, number];
  readonly sha1?: string;
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** What melange made of one package. */
export interface PackageAnswer {
  readonly pkginfo: string;
  readonly depends: readonly string[];
  readonly provides: readonly string[];
  readonly replaces: readonly string[];
  readonly vendored: readonly string[];
  readonly installedSize: { readonly observed: number };
  readonly scripts: Readonly<Record<string, string>>;
  readonly control: { readonly entries: readonly Entry[] };
  readonly data: {
    readonly tarSHA256: string;
    readonly tarLength: number;
    readonly entries: readonly Entry[];
  };
  readonly sbom?: unknown;
  readonly lint?: LintAnswer;
}

/** What the linters found in one package, by linter. */
export type LintAnswer = Readonly<Record<string, readonly { readonly details?: unknown }[]>>;

interface Answer {
  readonly error?: string;
  readonly order?: readonly string[];
  readonly packages: Readonly<Record<string, PackageAnswer>>;
  readonly apkindex?: string;
}

/** One build: what went in, what came out, and what would have been right. */
export interface Case {
  readonly name: string;
  readonly yaml: string;
  readonly arch: string;
  readonly tree: string;
  readonly namespace?: string;
  readonly buildDate?: string;
  readonly sourceDateEpoch?: string | null;
  readonly stripOriginName?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly guest: string;
  readonly lockedEnvironment: { readonly contents: { readonly packages: readonly string[] } };
  readonly configFile: {
    readonly path: string;
    readonly repositoryURL: string;
    readonly commit: string;
    readonly license: string;
  };
  readonly expect: Answer;
  readonly right?: Partial<Omit<Answer, 'packages'>> & {
    readonly packages?: Readonly<Record<string, Partial<PackageAnswer>>>;
  };
}

/** All builds. */
export interface Cases {
  readonly guests: Readonly<Record<string, { readonly passwd: string; readonly group: string }>>;
  readonly guestIndex: Readonly<Record<string, string>>;
  readonly cases: readonly Case[];
}

/** Pipelines that the test of a package uses directly. */
export function testsOf(one: Case, name: string): string[] {
  interface Tested {
    readonly name?: string;
    readonly test?: { readonly pipeline?: readonly { readonly uses?: string }[] };
  }
  const raw = parse(one.yaml, { schema: 'failsafe' }) as Tested & {
    readonly package: { readonly name: string };
    readonly subpackages?: readonly Tested[];
  };
  const tested = raw.package.name === name ? raw : raw.subpackages?.find((p) => p.name === name);
  return (tested?.test?.pipeline ?? []).flatMap((step) => (step.uses === undefined ? [] : [step.uses]));
}

/** The time that a case is built at, in seconds since 1970. */
export function epochOf(one: Case): number {
  if (one.sourceDateEpoch !== undefined && one.sourceDateEpoch !== null && one.sourceDateEpoch !== '') {
    return Number(one.sourceDateEpoch);
  }
  return one.buildDate === undefined ? 0 : Math.floor(Date.parse(one.buildDate) / 1000);
}

interface RawStep {
  readonly uses?: string;
  readonly if?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly pipeline?: readonly RawStep[];
}

/** Reads what concerns the SBOM straight from the YAML, as {@link recipesOf} does. */
export function sbomOf(one: Case, recipe: PackageRecipe, root: string): SpdxDocument {
  const raw = parse(one.yaml, { schema: 'failsafe' }) as {
    readonly package: RawPackage;
    readonly pipeline?: readonly RawStep[];
    readonly subpackages?: readonly (RawPackage & { readonly pipeline?: readonly RawStep[] })[];
  };
  const main = raw.package;
  const put = (text: string): string =>
    text.replaceAll('${{package.name}}', main.name).replaceAll('${{package.version}}', String(main.version));
  const defaults = { 'purl-name': main.name, 'purl-version': String(main.version) };
  const steps = (list: readonly RawStep[], above = ''): SourceStep[] =>
    list.flatMap((step, index) => {
      const place = `${above}${index}`;
      if (step.if !== undefined && step.if.includes('riscv64')) return [];
      if (step.uses === undefined) return steps(step.pipeline ?? [], `${place}-`);
      const own = Object.entries(step.with ?? {}).map(([key, value]) => [key, put(value)]);
      const inputs: Record<string, string> = { ...defaults, ...Object.fromEntries(own) };
      return [{ uses: step.uses, inputs, place }];
    });
  const sub = raw.subpackages?.find((p) => put(p.name) === recipe.name);
  const cpe = (main.cpe ?? {}) as Readonly<Record<string, string>>;
  const files = new Map<string, string>();
  if ((main.copyright ?? []).some((c) => c['license-path'] !== undefined)) {
    for (const [name, text] of workspaceFiles(join(root, one.tree))) files.set(name, text);
  }
  return describePackage({
    name: recipe.name,
    version: recipe.version,
    arch: recipe.arch,
    copyright: (main.copyright ?? []).map((c) => {
      const text = files.get(c['license-path'] ?? '');
      return {
        license: c.license ?? '',
        attestation: c.attestation ?? '',
        ...(text === undefined ? {} : { text }),
      };
    }),
    cpe: {
      part: cpe['part'] ?? '',
      vendor: cpe['vendor'] ?? '',
      product: cpe['product'] ?? '',
      edition: cpe['edition'] ?? '',
      language: cpe['language'] ?? '',
      swEdition: cpe['sw_edition'] ?? '',
      targetSw: cpe['target_sw'] ?? '',
      targetHw: cpe['target_hw'] ?? '',
      other: cpe['other'] ?? '',
    },
    namespace: one.namespace ?? 'unknown',
    buildFile: {
      path: one.configFile.path,
      repository: one.configFile.repositoryURL,
      commit: one.configFile.commit,
      license: one.configFile.license,
    },
    sources: steps(raw.pipeline ?? []),
    ...(sub === undefined ? {} : { ownSources: steps(sub.pipeline ?? []) }),
    createdSeconds: epochOf(one),
    tool: 'melange2 (test)',
  });
}

function workspaceFiles(archive: string): [string, string][] {
  const found: [string, string][] = [];
  const tar = gunzipSync(readFileSync(archive));
  for (let at = 0; at + 512 <= tar.length;) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0[^]*$/, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8) || 0;
    if (name !== '' && tar[at + 156] === 0x30)
      found.push([name, tar.toString('utf8', at + 512, at + 512 + size)]);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

interface RawPackage {
  readonly name: string;
  readonly version: string | number;
  readonly epoch: number;
  readonly if?: string;
  readonly description?: string;
  readonly url?: string;
  readonly commit?: string;
  readonly copyright?: readonly {
    readonly license?: string;
    readonly attestation?: string;
    readonly 'license-path'?: string;
  }[];
  readonly cpe?: unknown;
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly scriptlets?: Readonly<Record<string, unknown>> & {
    readonly trigger?: { readonly script?: string; readonly paths?: readonly string[] };
  };
  readonly setcap?: readonly { readonly path: string; readonly add: Readonly<Record<string, string>> }[];
}

/** Reads what concerns packaging straight from the YAML: the reader of build files has its own vectors. */
export function recipesOf(one: Case): PackageRecipe[] {
  const raw = parse(one.yaml, { schema: 'failsafe' }) as {
    readonly package: RawPackage;
    readonly subpackages?: readonly (RawPackage & { readonly range?: string })[];
    readonly data?: readonly { readonly name: string; readonly items: Readonly<Record<string, string>> }[];
  };
  const subpackages = (raw.subpackages ?? []).flatMap((p) => {
    const items = raw.data?.find((d) => d.name === p.range)?.items;
    if (items === undefined) return [p];
    return Object.entries(items).map(([key, value]) => {
      const text = JSON.stringify(p).replaceAll('${{range.key}}', key).replaceAll('${{range.value}}', value);
      return JSON.parse(text) as RawPackage;
    });
  });
  const main = raw.package;
  const version = `${main.version}-r${main.epoch}`;
  const put = (text: unknown): string =>
    (typeof text === 'string' ? text : '')
      .replaceAll('${{package.name}}', main.name)
      .replaceAll('${{package.version}}', String(main.version))
      .replaceAll('${{package.full-version}}', version);
  const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(put) : []);
  const scripts = [
    'pre-install',
    'post-install',
    'pre-deinstall',
    'post-deinstall',
    'pre-upgrade',
    'post-upgrade',
  ];
  return [main, ...subpackages].map((p) => {
    const { dependencies = {}, options = {}, scriptlets = {} } = p;
    const number = (key: string): number | undefined =>
      dependencies[key] === undefined ? undefined : Number(dependencies[key]);
    return {
      name: put(p.name),
      version,
      arch: one.arch,
      description: put(p.description),
      url: put(p.url),
      commit: put(p.commit) || put(main.commit) || one.configFile.commit,
      licenses: (main.copyright ?? []).map((c) => c.license ?? ''),
      origin: one.stripOriginName === true ? put(p.name) : main.name,
      namespace: one.namespace ?? 'unknown',
      depends: list(dependencies['runtime']),
      provides: list(dependencies['provides']),
      replaces: list(dependencies['replaces']),
      providerPriority: number('provider-priority'),
      replacesPriority: number('replaces-priority'),
      noProvides: options['no-provides'] === 'true',
      noDepends: options['no-depends'] === 'true',
      noCommands: options['no-commands'] === 'true',
      noVersionedLibraries: options['no-versioned-shlib-deps'] === 'true',
      scripts: new Map([
        ...scripts.flatMap((name) =>
          scriptlets[name] === undefined ? [] : [[`.${name}`, put(scriptlets[name])] as const],
        ),
        ...(scriptlets.trigger?.script === undefined
          ? []
          : [['.trigger', put(scriptlets.trigger.script)] as const]),
      ]),
      triggers: list(scriptlets.trigger?.paths),
      setcap: p.setcap ?? [],
    };
  });
}

/** Index records of the packages that the environment of a case has. */
export function installedRecords(one: Case, index: string): readonly IndexRecord[] {
  const locked = new Set(one.lockedEnvironment.contents.packages);
  return (parseIndex(index, 'guest').value ?? []).filter((r) => locked.has(`${r.name}=${r.version}`));
}
