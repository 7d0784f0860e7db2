import { architecture } from './architecture.ts';
import { formatDuration } from './duration.ts';
import type { Environment, EnvironmentContents, NamedContent, User } from './environment.ts';
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
import {
  goBool,
  goInt,
  type GoMethod,
  goString,
  goStringMap,
  goStrings,
  type GoStruct,
  type GoValue,
  sortedEntries,
  TemplateFailure,
} from './template/go-value.ts';
import type { GitMonitor, Update } from './update.ts';

/** A configuration as templates see it: with the names, types and methods that it has in the references. */
export function configView(config: PackageConfig): GoValue {
  const names = [config.package.name, ...config.subpackages.map(({ name }) => name)];
  const configuration = struct(
    'config.Configuration',
    {
      Package: packageView(config.package),
      Environment: environmentView(config.environment),
      Capabilities: struct('config.Capabilities', {
        Add: goStrings(config.capabilities.add),
        Drop: goStrings(config.capabilities.drop),
      }),
      Pipeline: list('[]config.Pipeline', config.pipeline, stepView),
      Subpackages: list('[]config.Subpackage', config.subpackages, subpackageView),
      // The ranges are gone once their subpackages are made.
      Data: list('[]config.RangeData', [], () => goString('')),
      Update: updateView(config.update),
      Vars: goStringMap(config.vars),
      VarTransforms: list('[]config.VarTransforms', config.varTransforms, (transform) =>
        struct('config.VarTransforms', {
          From: goString(transform.from),
          Match: goString(transform.match),
          Replace: goString(transform.replace),
          To: goString(transform.to),
        }),
      ),
      Options: map('map[string]config.BuildOption', config.options, optionView),
      Test: pointer('*config.Test', config.test, testView),
    },
    {
      Name: method(0, () => goString(config.package.name)),
      AllPackageNames: method(0, () => ({ kind: 'sequence', items: names.map((name) => goString(name)) })),
      Root: method(0, () => ({
        kind: 'pointer',
        type: '*yaml.Node',
        to: struct('yaml.Node', { Kind: goInt(1, 'yaml.Kind') }),
      })),
    },
  );
  return { kind: 'pointer', type: '*config.Configuration', to: configuration };
}

function packageView(from: Package): GoStruct {
  const fullVersion = `${from.version}-r${from.epoch}`;
  const attestations = from.copyright.map(({ attestation }) => attestation).filter((text) => text !== '');
  const url = (distro: GoValue, arch: GoValue, name: string): GoValue => ({
    kind: 'pointer',
    type: '*packageurl.PackageURL',
    to: undefined,
    text: packageUrl(text(distro), name, fullVersion, text(arch)),
  });
  return struct(
    'config.Package',
    {
      Name: goString(from.name),
      Version: goString(from.version),
      Epoch: goInt(from.epoch, 'uint64'),
      Description: goString(from.description),
      Annotations: goStringMap(from.annotations),
      URL: goString(from.url),
      Commit: goString(from.commit),
      TargetArchitecture: goStrings(from.targetArchitecture),
      Copyright: list('[]config.Copyright', from.copyright, copyrightView),
      Dependencies: dependenciesView(from.dependencies),
      Options: pointer('*config.PackageOption', from.options, packageOptionsView),
      Scriptlets: pointer('*config.Scriptlets', from.scriptlets, scriptletsView),
      Checks: checksView(from.checks),
      CPE: cpeView(from.cpe),
      SetCap: list('[]config.Capability', from.setcap, capabilityView),
      Timeout: {
        kind: 'int',
        type: 'time.Duration',
        value: from.timeoutNs,
        text: formatDuration(from.timeoutNs),
      },
      Resources: pointer('*config.Resources', from.resources, resourcesView),
      TestResources: pointer('*config.Resources', from.testResources, resourcesView),
    },
    {
      FullVersion: method(0, () => goString(fullVersion)),
      LicenseExpression: method(0, () =>
        goString(from.copyright.map(({ license }) => license).join(' AND ')),
      ),
      FullCopyright: method(0, () =>
        goString(attestations.length === 0 ? 'NOASSERTION' : attestations.join('\n')),
      ),
      CPEString: method(0, () => goString(cpeText(from))),
      LicensingInfos: method(1, () => {
        throw new TemplateFailure('LicensingInfos reads the sources of a build, and there are none here');
      }),
      PackageURL: method(2, ([distro, arch]) => url(distro ?? none, arch ?? none, from.name)),
      PackageURLForSubpackage: method(3, ([distro, arch, name]) =>
        url(distro ?? none, arch ?? none, text(name ?? none)),
      ),
    },
  );
}

const none: GoValue = { kind: 'none' };

function packageUrl(distro: string, name: string, version: string, arch: string): string {
  const part = (value: string): string => encodeURIComponent(value).replaceAll('%3A', ':');
  const qualifiers = [
    ...(arch === '' ? [] : [`arch=${part(arch)}`]),
    ...(distro === '' ? [] : [`distro=${part(distro)}`]),
  ];
  const query = qualifiers.length === 0 ? '' : `?${qualifiers.join('&')}`;
  return `pkg:apk/${distro === '' ? '' : `${part(distro)}/`}${part(name)}@${part(version)}${query}`;
}

/** The CPE of a package, which needs its vendor and its product. */
function cpeText({ cpe, version }: Package): string {
  for (const name of ['vendor', 'product'] as const) {
    if (cpe[name] === '' || cpe[name] === '*') {
      throw new TemplateFailure(`the ${name} of the CPE is not given`);
    }
  }
  const any = (value: string): string => (value === '' ? '*' : value);
  const { part, vendor, product, edition, language, swEdition, targetSw, targetHw, other } = cpe;
  const rest = [edition, language, swEdition, targetSw, targetHw, other].map(any).join(':');
  return `cpe:2.3:${any(part)}:${vendor}:${product}:${version}:*:${rest}`;
}

function subpackageView(from: Subpackage): GoStruct {
  return struct('config.Subpackage', {
    If: goString(from.if),
    // Ranges are expanded, and what came from one no longer says so.
    Range: goString(''),
    Name: goString(from.name),
    Pipeline: list('[]config.Pipeline', from.pipeline, stepView),
    Dependencies: dependenciesView(from.dependencies),
    Options: pointer('*config.PackageOption', from.options, packageOptionsView),
    Scriptlets: pointer('*config.Scriptlets', from.scriptlets, scriptletsView),
    Description: goString(from.description),
    URL: goString(from.url),
    Commit: goString(from.commit),
    Annotations: goStringMap(from.annotations),
    Checks: checksView(from.checks),
    Test: pointer('*config.Test', from.test, testView),
    SetCap: list('[]config.Capability', from.setcap, capabilityView),
  });
}

function stepView(from: PipelineStep): GoStruct {
  return struct('config.Pipeline', {
    If: goString(from.if ?? ''),
    Name: goString(from.name ?? ''),
    Uses: goString(from.uses ?? ''),
    With: goStringMap(from.with),
    Runs: goString(from.runs ?? ''),
    Pipeline: list('[]config.Pipeline', from.pipeline, stepView),
    Inputs: map('map[string]config.Input', from.inputs, (input) =>
      struct('config.Input', {
        Description: goString(input.description),
        Default: goString(input.default),
        Required: goBool(input.required),
      }),
    ),
    Needs: pointer('*config.Needs', from.needs, ({ packages }) =>
      struct('config.Needs', { Packages: goStrings(packages) }),
    ),
    Label: goString(from.label ?? ''),
    Assertions: pointer('*config.PipelineAssertions', from.assertions, ({ requiredSteps }) =>
      struct('config.PipelineAssertions', { RequiredSteps: goInt(requiredSteps) }),
    ),
    WorkDir: goString(from.workingDirectory ?? ''),
    Environment: goStringMap(from.environment),
  });
}

function testView(from: Test): GoStruct {
  return struct('config.Test', {
    Environment: environmentView(from.environment),
    Pipeline: list('[]config.Pipeline', from.pipeline, stepView),
  });
}

function copyrightView(from: Copyright): GoStruct {
  return struct('config.Copyright', {
    Paths: goStrings(from.paths),
    Attestation: goString(from.attestation),
    License: goString(from.license),
    LicensePath: goString(from.licensePath),
    DetectionOverride: goString(from.detectionOverride),
  });
}

function dependenciesView(from: Dependencies): GoStruct {
  return struct('config.Dependencies', {
    Runtime: goStrings(from.runtime),
    Provides: goStrings(from.provides),
    Replaces: goStrings(from.replaces),
    ProviderPriority: goString(from.providerPriority),
    ReplacesPriority: goString(from.replacesPriority),
    Vendored: goStrings([]),
  });
}

function packageOptionsView(from: PackageOptions): GoStruct {
  return struct('config.PackageOption', {
    NoProvides: goBool(from.noProvides),
    NoDepends: goBool(from.noDepends),
    NoCommands: goBool(from.noCommands),
    NoVersionedShlibDeps: goBool(from.noVersionedShlibDeps),
  });
}

function scriptletsView(from: Scriptlets): GoStruct {
  return struct('config.Scriptlets', {
    Trigger: struct('config.Trigger', {
      Script: goString(from.trigger.script),
      Paths: goStrings(from.trigger.paths),
    }),
    PreInstall: goString(from.preInstall),
    PostInstall: goString(from.postInstall),
    PreDeinstall: goString(from.preDeinstall),
    PostDeinstall: goString(from.postDeinstall),
    PreUpgrade: goString(from.preUpgrade),
    PostUpgrade: goString(from.postUpgrade),
  });
}

function checksView(from: Checks): GoStruct {
  return struct('config.Checks', { Disabled: goStrings(from.disabled) });
}

function cpeView(from: Cpe): GoStruct {
  const fields = {
    Part: goString(from.part),
    Vendor: goString(from.vendor),
    Product: goString(from.product),
    Edition: goString(from.edition),
    Language: goString(from.language),
    SWEdition: goString(from.swEdition),
    TargetSW: goString(from.targetSw),
    TargetHW: goString(from.targetHw),
    Other: goString(from.other),
  };
  const empty = Object.values(fields).every((field) => field.kind === 'string' && field.value === '');
  return struct('config.CPE', fields, { IsZero: method(0, () => goBool(empty)) });
}

function capabilityView(from: Capability): GoStruct {
  return struct('config.Capability', {
    Path: goString(from.path),
    Add: goStringMap(from.add),
    Reason: goString(from.reason),
  });
}

function resourcesView(from: Resources): GoStruct {
  return struct('config.Resources', {
    CPU: goString(from.cpu),
    CPUModel: goString(from.cpuModel),
    Memory: goString(from.memory),
    Disk: goString(from.disk),
  });
}

function optionView(from: BuildOption): GoStruct {
  return struct('config.BuildOption', {
    Vars: goStringMap(from.vars),
    Environment: struct('config.EnvironmentOption', {
      Contents: struct('config.ContentsOption', {
        Packages: struct('config.ListOption', { Add: goStrings(from.add), Remove: goStrings(from.remove) }),
      }),
    }),
  });
}

function environmentView(from: Environment): GoStruct {
  return struct('types.ImageConfiguration', {
    Contents: contentsView(from.contents),
    Entrypoint: struct('types.ImageEntrypoint', {
      Type: goString(from.entrypoint.type),
      Command: goString(from.entrypoint.command),
      ShellFragment: goString(from.entrypoint.shellFragment),
      Services: goStringMap(from.entrypoint.services),
    }),
    Cmd: goString(from.cmd),
    StopSignal: goString(from.stopSignal),
    WorkDir: goString(from.workDir),
    Accounts: struct('types.ImageAccounts', {
      RunAs: goString(from.accounts.runAs),
      Users: list('[]types.User', from.accounts.users, userView),
      Groups: list('[]types.Group', from.accounts.groups, (group) =>
        struct('types.Group', {
          GroupName: goString(group.groupName),
          GID: goInt(group.gid, 'uint32'),
          Members: goStrings(group.members),
        }),
      ),
    }),
    Archs: list('[]types.Architecture', from.archs, (name) =>
      goString(architecture(name).go, 'types.Architecture'),
    ),
    Environment: goStringMap(from.environment),
    Paths: list('[]types.PathMutation', from.paths, (path) =>
      struct('types.PathMutation', {
        Path: goString(path.path),
        Type: goString(path.type),
        UID: goInt(path.uid, 'uint32'),
        GID: goInt(path.gid, 'uint32'),
        Permissions: goInt(path.permissions, 'uint32'),
        Source: goString(path.source),
        Recursive: goBool(path.recursive),
      }),
    ),
    VCSUrl: goString(from.vcsUrl),
    Annotations: goStringMap(from.annotations),
    Include: goString(from.include),
    Volumes: goStrings(from.volumes),
    Layering: pointer('*types.Layering', from.layering, (layering) =>
      struct('types.Layering', { Strategy: goString(layering.strategy), Budget: goInt(layering.budget) }),
    ),
    Certificates: pointer('*types.ImageCertificates', from.certificates, ({ additional }) =>
      struct('types.ImageCertificates', {
        Additional: list('[]types.AdditionalCertificateEntry', additional, namedView),
      }),
    ),
  });
}

function contentsView(from: EnvironmentContents): GoStruct {
  return struct('types.ImageContents', {
    BuildRepositories: goStrings(from.buildRepositories),
    RuntimeOnlyRepositories: goStrings(from.runtimeRepositories),
    RuntimeOnlyKeyring: list('[]types.RuntimeKeyringEntry', from.runtimeKeyring, namedView),
    Repositories: goStrings(from.repositories),
    Keyring: goStrings(from.keyring),
    Packages: goStrings(from.packages),
    BaseImage: pointer('*types.BaseImageDescriptor', from.baseImage, ({ image, apkIndex }) =>
      struct('types.BaseImageDescriptor', { Image: goString(image), APKIndex: goString(apkIndex) }),
    ),
  });
}

function namedView(from: NamedContent): GoStruct {
  return struct('types.NamedContent', { Name: goString(from.name), Content: goString(from.content) });
}

function userView(from: User): GoStruct {
  return struct('types.User', {
    UserName: goString(from.userName),
    UID: goInt(from.uid, 'uint32'),
    GID: from.gid === undefined ? { kind: 'nil' } : goInt(from.gid, 'uint32'),
    Shell: goString(from.shell),
    HomeDir: goString(from.homeDir),
  });
}

function updateView(from: Update): GoStruct {
  return struct('config.Update', {
    Enabled: goBool(from.enabled),
    Manual: goBool(from.manual),
    RequireSequential: goBool(from.requireSequential),
    Shared: goBool(from.shared),
    VersionSeparator: goString(from.versionSeparator),
    IgnoreRegexPatterns: goStrings(from.ignoreRegexPatterns),
    ReleaseMonitor: pointer('*config.ReleaseMonitor', from.releaseMonitor, (monitor) =>
      struct(
        'config.ReleaseMonitor',
        {
          Identifier: goInt(monitor.identifier),
          StripPrefix: goString(monitor.stripPrefix),
          StripSuffix: goString(monitor.stripSuffix),
          VersionFilterContains: goString(monitor.versionFilterContains),
          VersionFilterPrefix: goString(monitor.versionFilterPrefix),
        },
        filters(
          monitor.stripPrefix,
          monitor.stripSuffix,
          monitor.versionFilterPrefix,
          monitor.versionFilterContains,
        ),
      ),
    ),
    GitHubMonitor: pointer('*config.GitHubMonitor', from.github, (monitor) =>
      gitView('config.GitHubMonitor', monitor, {
        before: { Identifier: goString(monitor.identifier) },
        filter: { TagFilter: goString(monitor.tagFilter) },
        behind: { UseTags: goBool(monitor.useTag) },
      }),
    ),
    GitMonitor: pointer('*config.GitMonitor', from.git, (monitor) =>
      gitView('config.GitMonitor', monitor, {}),
    ),
    OCIMonitor: pointer('*config.OCIMonitor', from.oci, (monitor) =>
      gitView('config.OCIMonitor', monitor, { before: { Identifier: goString(monitor.identifier) } }),
    ),
    VersionData: pointer('*config.VersionData', from.versionData, (data) =>
      struct('config.VersionData', {
        VersionFormat: goString(data.versionFormat),
        Sources: list('[]config.VersionSource', data.sources, (source) =>
          struct('config.VersionSource', {
            Name: goString(source.name),
            Stream: goString(source.stream),
            Ignore: goStrings(source.ignore),
            CommitSource: goString(source.commitSource),
            UseRelease: goBool(source.useRelease),
          }),
        ),
      }),
    ),
    VersionTransform: list('[]config.VersionTransform', from.versionTransform, ({ match, replace }) =>
      struct('config.VersionTransform', { Match: goString(match), Replace: goString(replace) }),
    ),
    ExcludeReason: goString(from.excludeReason),
    Schedule: pointer('*config.Schedule', from.schedule, ({ reason, period }) =>
      struct(
        'config.Schedule',
        { Reason: goString(reason), Period: goString(period, 'config.Period') },
        { GetScheduleMessage: method(0, () => goString(scheduleMessage(period))) },
      ),
    ),
    EnablePreReleaseTags: goBool(from.enablePrereleaseTags),
  });
}

function scheduleMessage(period: string): string {
  if (!['daily', 'weekly', 'monthly'].includes(period))
    throw new TemplateFailure(`"${period}" is no period of a schedule`);
  return `Scheduled ${period} update check`;
}

type Fields = Readonly<Record<string, GoValue>>;

function gitView(
  type: string,
  from: GitMonitor,
  {
    before,
    filter,
    behind,
  }: { readonly before?: Fields; readonly filter?: Fields; readonly behind?: Fields },
): GoStruct {
  return struct(
    type,
    {
      ...before,
      StripPrefix: goString(from.stripPrefix),
      StripSuffix: goString(from.stripSuffix),
      ...filter,
      TagFilterPrefix: goString(from.tagFilterPrefix),
      TagFilterContains: goString(from.tagFilterContains),
      ...behind,
    },
    filters(from.stripPrefix, from.stripSuffix, from.tagFilterPrefix, from.tagFilterContains),
  );
}

function filters(
  stripPrefix: string,
  stripSuffix: string,
  filterPrefix: string,
  filterContains: string,
): Readonly<Record<string, GoMethod>> {
  return {
    GetStripPrefix: method(0, () => goString(stripPrefix)),
    GetStripSuffix: method(0, () => goString(stripSuffix)),
    GetFilterPrefix: method(0, () => goString(filterPrefix)),
    GetFilterContains: method(0, () => goString(filterContains)),
  };
}

function struct(type: string, fields: Fields, methods?: Readonly<Record<string, GoMethod>>): GoStruct {
  return { kind: 'struct', type, fields, ...(methods === undefined ? {} : { methods }) };
}

function list<T>(type: string, items: readonly T[], change: (item: T) => GoValue): GoValue {
  return { kind: 'list', type, items: items.map(change) };
}

function map<T>(type: string, record: Readonly<Record<string, T>>, change: (value: T) => GoValue): GoValue {
  return { kind: 'map', type, entries: sortedEntries(record, change), zero: none };
}

function pointer<T>(type: string, value: T | undefined, change: (value: T) => GoStruct): GoValue {
  return { kind: 'pointer', type, to: value === undefined ? undefined : change(value) };
}

function method(parameters: number, call: GoMethod['call']): GoMethod {
  return { parameters, call };
}

function text(value: GoValue): string {
  if (value.kind !== 'string') throw new TemplateFailure('a text is wanted here');
  return value.value;
}
