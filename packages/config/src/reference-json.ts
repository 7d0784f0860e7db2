import { architecture } from './architecture.ts';
import type {
  Accounts,
  Entrypoint,
  Environment,
  EnvironmentContents,
  NamedContent,
  PathMutation,
} from './environment.ts';
import type {
  BuildOption,
  Capability,
  Checks,
  Copyright,
  Cpe,
  Dependencies,
  Package,
  PackageConfig,
  PackageOptions,
  Resources,
  Scriptlets,
  Subpackage,
  Test,
} from './package-config.ts';
import type { PipelineStep } from './pipeline-step.ts';
import type { GitMonitor, Update } from './update.ts';

/** A value of JSON; big integers are written out in full. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

type JsonObject = { readonly [key: string]: JsonValue };

/**
 * A configuration in the JSON form that the references print, as a value: their key names and order, nothing
 * for what is empty and may be left out.
 *
 * Environment blocks that the references drop (`runtime_repositories`, `runtime_keyring`, `layering`,
 * `certificates`) are kept.
 */
export function referenceJson(config: PackageConfig): JsonObject {
  return omitEmpty({
    package: always(packageJson(config.package)),
    environment: always(environmentJson(config.environment)),
    capabilities: always(omitEmpty({ add: config.capabilities.add, drop: config.capabilities.drop })),
    pipeline: config.pipeline.map(stepJson),
    subpackages: config.subpackages.map(subpackageJson),
    update: always(updateJson(config.update)),
    vars: sorted(config.vars),
    'var-transforms': config.varTransforms.map((t) =>
      omitEmpty({
        from: always(t.from),
        match: always(t.match),
        replace: always(t.replace),
        to: always(t.to),
      }),
    ),
    options: mapValues(config.options, optionJson),
    test: config.test === undefined ? undefined : always(testJson(config.test)),
  });
}

/**
 * A configuration as the references print it: one line of JSON, maps sorted, `<`, `>`, `&` escaped, a line
 * end at the end.
 */
export function toReferenceJson(config: PackageConfig): string {
  return `${formatGoJson(referenceJson(config))}\n`;
}

/** Writes JSON as Go's encoder does by default. */
export function formatGoJson(value: JsonValue): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => formatGoJson(item)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value as JsonObject);
    // Maps have no prototype. They are sorted here, because objects put keys like numbers first.
    if (Object.getPrototypeOf(value) === null) entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${goString(key)}:${formatGoJson(item)}`).join(',')}}`;
  }
  return typeof value === 'string' ? goString(value) : JSON.stringify(value);
}

function goString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

class Always {
  readonly value: JsonValue;
  constructor(value: JsonValue) {
    this.value = value;
  }
}

/** Marks a value that is printed even when it is empty. */
function always(value: JsonValue): Always {
  return new Always(value);
}

type Field = Always | JsonValue | undefined;

/** Leaves out the fields that are empty: `''`, `0`, `false`, `[]`, `{}`. */
function omitEmpty(fields: Readonly<Record<string, Field>>): JsonObject {
  const out: Record<string, JsonValue> = {};
  for (const [key, field] of Object.entries(fields)) {
    if (field instanceof Always) out[key] = field.value;
    else if (field !== undefined && !isEmpty(field)) out[key] = field;
  }
  return out;
}

function isEmpty(value: JsonValue): boolean {
  if (value === null || value === '' || value === 0 || value === 0n || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function sorted(map: JsonObject): JsonObject {
  const out = Object.create(null) as Record<string, JsonValue>;
  for (const key of Object.keys(map).toSorted()) out[key] = map[key] ?? null;
  return out;
}

function mapValues<T>(map: Readonly<Record<string, T>>, change: (value: T) => JsonValue): JsonObject {
  const out = Object.create(null) as Record<string, JsonValue>;
  for (const key of Object.keys(map).toSorted()) {
    const value = map[key];
    if (value !== undefined) out[key] = change(value);
  }
  return out;
}

function packageJson(from: Package): JsonObject {
  return omitEmpty({
    name: always(from.name),
    version: always(from.version),
    epoch: always(from.epoch),
    description: from.description,
    annotations: sorted(from.annotations),
    url: from.url,
    commit: from.commit,
    'target-architecture': from.targetArchitecture,
    copyright: from.copyright.map(copyrightJson),
    dependencies: always(dependenciesJson(from.dependencies)),
    options: from.options === undefined ? undefined : always(optionsJson(from.options)),
    scriptlets: from.scriptlets === undefined ? undefined : always(scriptletsJson(from.scriptlets)),
    checks: always(checksJson(from.checks)),
    cpe: always(cpeJson(from.cpe)),
    setcap: from.setcap.map(capabilityJson),
    timeout: from.timeoutNs,
    resources: always(resourcesJson(from.resources)),
    'test-resources':
      from.testResources === undefined ? undefined : always(resourcesJson(from.testResources)),
  });
}

function subpackageJson(from: Subpackage): JsonObject {
  return omitEmpty({
    if: from.if,
    name: always(from.name),
    pipeline: from.pipeline.map(stepJson),
    dependencies: always(dependenciesJson(from.dependencies)),
    options: from.options === undefined ? undefined : always(optionsJson(from.options)),
    scriptlets: from.scriptlets === undefined ? undefined : always(scriptletsJson(from.scriptlets)),
    description: from.description,
    url: from.url,
    commit: from.commit,
    annotations: sorted(from.annotations),
    checks: always(checksJson(from.checks)),
    setcap: from.setcap.map(capabilityJson),
    test: from.test === undefined ? undefined : always(testJson(from.test)),
  });
}

function stepJson(from: PipelineStep): JsonObject {
  return omitEmpty({
    if: from.if,
    name: from.name,
    uses: from.uses,
    with: sorted(from.with),
    runs: from.runs,
    pipeline: from.pipeline.map(stepJson),
    inputs: mapValues(from.inputs, (input) =>
      omitEmpty({ description: input.description, default: input.default, required: input.required }),
    ),
    needs: from.needs === undefined ? undefined : always({ Packages: orNull(from.needs.packages) }),
    label: from.label,
    assertions:
      from.assertions === undefined
        ? undefined
        : always(omitEmpty({ 'required-steps': from.assertions.requiredSteps })),
    'working-directory': from.workingDirectory,
    environment: sorted(from.environment),
  });
}

function testJson(from: Test): JsonObject {
  const absent = from.pipeline.length === 0 && from.at.value('pipeline') === undefined;
  return {
    environment: environmentJson(from.environment),
    pipeline: absent ? null : from.pipeline.map(stepJson),
  };
}

function copyrightJson(from: Copyright): JsonObject {
  return omitEmpty({
    paths: from.paths,
    attestation: from.attestation,
    license: always(from.license),
    'license-path': from.licensePath,
    'detection-override': from.detectionOverride,
  });
}

function dependenciesJson(from: Dependencies): JsonObject {
  return omitEmpty({
    runtime: from.runtime,
    provides: from.provides,
    replaces: from.replaces,
    'provider-priority': from.providerPriority,
    'replaces-priority': from.replacesPriority,
  });
}

function optionsJson(from: PackageOptions): JsonObject {
  return omitEmpty({
    'no-provides': from.noProvides,
    'no-depends': from.noDepends,
    'no-commands': from.noCommands,
    'no-versioned-shlib-deps': from.noVersionedShlibDeps,
  });
}

function scriptletsJson(from: Scriptlets): JsonObject {
  return omitEmpty({
    trigger: always(omitEmpty({ script: from.trigger.script, paths: from.trigger.paths })),
    'pre-install': from.preInstall,
    'post-install': from.postInstall,
    'pre-deinstall': from.preDeinstall,
    'post-deinstall': from.postDeinstall,
    'pre-upgrade': from.preUpgrade,
    'post-upgrade': from.postUpgrade,
  });
}

function checksJson(from: Checks): JsonObject {
  return omitEmpty({ disabled: from.disabled });
}

function cpeJson(from: Cpe): JsonObject {
  return omitEmpty({
    part: from.part,
    vendor: from.vendor,
    product: from.product,
    edition: from.edition,
    language: from.language,
    sw_edition: from.swEdition,
    target_sw: from.targetSw,
    target_hw: from.targetHw,
    other: from.other,
  });
}

function capabilityJson(from: Capability): JsonObject {
  return omitEmpty({ path: from.path, add: sorted(from.add), reason: from.reason });
}

function resourcesJson(from: Resources): JsonObject {
  return omitEmpty({ cpu: from.cpu, cpumodel: from.cpuModel, memory: from.memory, disk: from.disk });
}

function optionJson(from: BuildOption): JsonObject {
  const packages = { Add: orNull(from.add), Remove: orNull(from.remove) };
  const vars = Object.keys(from.vars).length === 0 ? null : sorted(from.vars);
  return { Vars: vars, Environment: { Contents: { Packages: packages } } };
}

function orNull(list: readonly string[]): JsonValue {
  return list.length === 0 ? null : list;
}

function environmentJson(from: Environment): JsonObject {
  return omitEmpty({
    contents: always(contentsJson(from.contents)),
    entrypoint: always(entrypointJson(from.entrypoint)),
    cmd: from.cmd,
    'stop-signal': from.stopSignal,
    'work-dir': from.workDir,
    accounts: always(accountsJson(from.accounts)),
    archs: from.archs.map((name) => architecture(name).go),
    environment: sorted(from.environment),
    paths: from.paths.map(pathJson),
    'vcs-url': from.vcsUrl,
    annotations: sorted(from.annotations),
    include: from.include,
    volumes: from.volumes,
    layering:
      from.layering === undefined
        ? undefined
        : omitEmpty({ strategy: from.layering.strategy, budget: from.layering.budget }),
    certificates:
      from.certificates === undefined
        ? undefined
        : omitEmpty({ additional: from.certificates.additional.map(contentJson) }),
  });
}

function contentsJson(from: EnvironmentContents): JsonObject {
  return omitEmpty({
    build_repositories: from.buildRepositories,
    runtime_repositories: from.runtimeRepositories,
    runtime_keyring: from.runtimeKeyring.map(contentJson),
    repositories: from.repositories,
    keyring: from.keyring,
    packages: from.packages,
    baseimage:
      from.baseImage === undefined
        ? undefined
        : always(omitEmpty({ image: from.baseImage.image, apkindex: from.baseImage.apkIndex })),
  });
}

function contentJson(from: NamedContent): JsonObject {
  return omitEmpty({ name: from.name, content: from.content });
}

function entrypointJson(from: Entrypoint): JsonObject {
  return omitEmpty({
    type: from.type,
    command: from.command,
    'shell-fragment': from.shellFragment,
    services: sorted(from.services),
  });
}

function accountsJson(from: Accounts): JsonObject {
  return omitEmpty({
    'run-as': from.runAs,
    users: from.users.map((user) =>
      omitEmpty({
        username: user.userName,
        uid: user.uid,
        gid: user.gid === undefined ? undefined : always(user.gid),
        shell: user.shell,
        homedir: user.homeDir,
      }),
    ),
    groups: from.groups.map((group) =>
      omitEmpty({ groupname: group.groupName, gid: group.gid, members: group.members }),
    ),
  });
}

function pathJson(from: PathMutation): JsonObject {
  return omitEmpty({
    path: from.path,
    type: from.type,
    uid: from.uid,
    gid: from.gid,
    permissions: from.permissions,
    source: from.source,
    recursive: from.recursive,
  });
}

function updateJson(from: Update): JsonObject {
  const monitor = (git: GitMonitor | undefined, more: Readonly<Record<string, Field>> = {}): Field =>
    git === undefined
      ? undefined
      : always(
          omitEmpty({
            ...more,
            'strip-prefix': git.stripPrefix,
            'strip-suffix': git.stripSuffix,
            ...('tagFilter' in git ? { 'tag-filter': String(git.tagFilter) } : {}),
            'tag-filter-prefix': git.tagFilterPrefix,
            'tag-filter-contains': git.tagFilterContains,
            ...('useTag' in git ? { 'use-tag': git.useTag === true } : {}),
          }),
        );
  return omitEmpty({
    enabled: always(from.enabled),
    manual: from.manual,
    'require-sequential': from.requireSequential,
    shared: from.shared,
    'version-separator': from.versionSeparator,
    'ignore-regex-patterns': from.ignoreRegexPatterns,
    'release-monitor':
      from.releaseMonitor === undefined
        ? undefined
        : always(
            omitEmpty({
              identifier: always(from.releaseMonitor.identifier),
              'strip-prefix': from.releaseMonitor.stripPrefix,
              'strip-suffix': from.releaseMonitor.stripSuffix,
              'version-filter-contains': from.releaseMonitor.versionFilterContains,
              'version-filter-prefix': from.releaseMonitor.versionFilterPrefix,
            }),
          ),
    github: monitor(from.github, { identifier: always(from.github?.identifier ?? '') }),
    git: monitor(from.git),
    oci: monitor(from.oci, { identifier: always(from.oci?.identifier ?? '') }),
    version_data:
      from.versionData === undefined
        ? undefined
        : always(
            omitEmpty({
              version_format: from.versionData.versionFormat,
              sources: from.versionData.sources.map((source) =>
                omitEmpty({
                  name: source.name,
                  stream: source.stream,
                  ignore: source.ignore,
                  commit_source: source.commitSource,
                  use_release: source.useRelease,
                }),
              ),
            }),
          ),
    'version-transform': from.versionTransform.map((t) =>
      omitEmpty({ match: always(t.match), replace: always(t.replace) }),
    ),
    'exclude-reason': from.excludeReason,
    schedule:
      from.schedule === undefined
        ? undefined
        : always(omitEmpty({ reason: from.schedule.reason, period: from.schedule.period })),
    'enable-prerelease-tags': from.enablePrereleaseTags,
  });
}
