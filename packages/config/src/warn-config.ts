import { diagnostic, didYouMean, type Diagnostic, type Span } from '@melange2/diagnostics';
import { architecture, architectures } from './architecture.ts';
import { parseCondition, possibleValues } from './condition.ts';
import { errors, type Details } from './errors.ts';
import type { EnvironmentContents } from './environment.ts';
import type { PackageConfig, Subpackage } from './package-config.ts';
import type { PipelineStep } from './pipeline-step.ts';
import type { Places } from './places.ts';
import type { ParseOptions } from './parse-options.ts';
import { idleCapabilities } from './step-capabilities.ts';
import { stepConflicts } from './step-conflicts.ts';

/** The linters that `checks.disabled` may name. */
const linters: readonly string[] = [
  'binaryarch',
  'cudaruntimelib',
  'dev',
  'dll',
  'documentation',
  'duplicate',
  'dylib',
  'empty',
  'infodir',
  'lddcheck',
  'libtool/la-files',
  'maninfo',
  'nonlinux',
  'object',
  'opt',
  'pkgconf',
  'python/docs',
  'python/multiple',
  'python/test',
  'sbom',
  'setuidgid',
  'srv',
  'staticarchive',
  'strip',
  'tempdir',
  'unsupportedarch',
  'usrlocal',
  'usrmerge',
  'varempty',
  'worldwrite',
];

/** Warns of what a build file says without effect or without care. `text` is the file. */
export function warnConfig(
  config: PackageConfig,
  text: string,
  { insecure = false }: Pick<ParseOptions, 'insecure'>,
  add: (problem: Diagnostic) => void,
): void {
  const warn = <Code extends keyof Details>(
    code: Code,
    details: Details[Code],
    span: Span | undefined,
  ): void => {
    if (span !== undefined) add(diagnostic(errors, code, details, { span, severity: 'warning' }));
  };
  const used = referencesIn(text);
  warnUnused();
  warnPackage();
  for (const steps of allSteps(config)) warnSteps(steps);
  warnEnvironment(config.environment.contents.at);
  warnBaseImage(config.environment.contents);
  warnCapabilities();
  warnConditions();
  // The references never look at the steps of tests, so these are no errors.
  for (const { test } of [config, ...config.subpackages]) {
    for (const { problem, span } of stepConflicts(test?.pipeline ?? []))
      warn('CONFIG_STEP_CONFLICT', { problem }, span);
    if (test !== undefined) warnBaseImage(test.environment.contents);
  }

  function warnBaseImage({ baseImage, at }: EnvironmentContents): void {
    if (baseImage !== undefined)
      warn('CONFIG_BASEIMAGE_IGNORED', { image: baseImage.image }, at.key('baseimage'));
  }

  function warnCapabilities(): void {
    const { at, add: added } = config.capabilities;
    const names = idleCapabilities(config.capabilities, config.environment, { insecure });
    const key = names.some((name) => added.includes(name)) ? 'add' : 'drop';
    if (names.length > 0) warn('CONFIG_CAPABILITIES_IGNORED', { names }, at.key(key));
  }

  function warnUnused(): void {
    for (const name in config.vars) {
      if (!used.has(`vars.${name}`)) warn('CONFIG_VAR_UNUSED', { name }, config.at.key('vars', name));
    }
    for (const { to, at } of config.varTransforms) {
      if (!used.has(`vars.${to}`)) warn('CONFIG_VAR_UNUSED', { name: to }, at.value('to') ?? at.value());
    }
    const ranges = new Set(config.subpackages.map((subpackage) => subpackage.range?.name));
    for (const { name, items, at } of config.data) {
      // A range without items makes nothing that could tell of it.
      if (Object.keys(items).length === 0 || ranges.has(name)) continue;
      warn('CONFIG_RANGE_UNUSED', { name }, at.value('name') ?? at.value());
    }
    for (const name in config.options) {
      const option = config.options[name];
      if (option === undefined || used.has(`options.${name}.enabled`)) continue;
      if (option.add.length + option.remove.length + Object.keys(option.vars).length > 0) continue;
      warn('CONFIG_OPTION_UNUSED', { name }, config.at.key('options', name));
    }
  }

  function warnPackage(): void {
    const { targetArchitecture, at } = config.package;
    if (targetArchitecture.length === 1 && targetArchitecture[0] === 'all') {
      warn('CONFIG_ARCHITECTURE_ALL', {}, at.value('target-architecture'));
    } else {
      for (const [i, name] of targetArchitecture.entries()) {
        if (name === 'all' || architectures.includes(name)) continue;
        const { apk } = architecture(name);
        const meant = apk === name ? didYouMean(name, architectures) : apk;
        warn('CONFIG_ARCHITECTURE_UNKNOWN', { name, meant }, at.value('target-architecture', i));
      }
    }
    for (const { checks } of [config.package, ...config.subpackages]) {
      for (const [i, name] of checks.disabled.entries()) {
        if (linters.includes(name)) continue;
        warn(
          'CONFIG_CHECK_UNKNOWN',
          { name, meant: didYouMean(name, linters) },
          checks.at.value('disabled', i),
        );
      }
    }
  }

  function warnSteps(steps: readonly PipelineStep[]): void {
    for (const step of steps) {
      warnSteps(step.pipeline);
      const { uses, at } = step;
      if (uses === undefined || uses === '') continue;
      if (step.pipeline.length > 0) warn('CONFIG_USES_IGNORED', { uses }, at.key('uses'));
      if (uses === 'fetch') warnFetch(step);
      if (uses === 'git-checkout') warnCheckout(step);
    }
  }

  function warnFetch({ with: inputs, at }: PipelineStep): void {
    // The last is the reason why there is none.
    const sums = ['expected-sha256', 'expected-sha512', 'expected-none'];
    if (!sums.some((name) => (inputs[name] ?? '') !== ''))
      warn('CONFIG_FETCH_UNCHECKED', {}, at.value('uses'));
    warnAddress(inputs['uri'], at, ['with', 'uri']);
  }

  function warnCheckout({ with: inputs, at }: PipelineStep): void {
    const name = ['tag', 'branch'].find((key) => (inputs[key] ?? '') !== '');
    if (name !== undefined && (inputs['expected-commit'] ?? '') === '') {
      warn('CONFIG_CHECKOUT_UNPINNED', { name, value: inputs[name] ?? '' }, at.value('with', name));
    }
    warnAddress(inputs['repository'], at, ['with', 'repository']);
  }

  function warnEnvironment(at: Places): void {
    const { repositories, buildRepositories, keyring } = config.environment.contents;
    const lists = [
      ['repositories', repositories],
      ['build_repositories', buildRepositories],
      ['keyring', keyring],
    ] as const;
    for (const [key, entries] of lists) {
      for (const [i, entry] of entries.entries()) warnAddress(entry.replace(/^@\S+\s+/, ''), at, [key, i]);
    }
  }

  function warnAddress(address: string | undefined, at: Places, path: readonly (string | number)[]): void {
    const host = /^http:\/\/([^/:]+|\[[^\]]+\])/i.exec(address ?? '')?.[1];
    if (host === undefined || /^(?:localhost|127\..*|\[::1\])$/.test(host)) return;
    warn('CONFIG_PLAIN_HTTP', { address: address ?? '' }, at.value(...path));
  }

  function warnConditions(): void {
    // A range makes several subpackages from one condition, of which some may well never hold.
    const byPlace = new Map<string, { never: boolean; subpackage: Subpackage }>();
    for (const subpackage of config.subpackages) {
      const span = subpackage.if === '' ? undefined : subpackage.at.value('if');
      if (span === undefined) continue;
      const key = `${span.start.offset}`;
      const before = byPlace.get(key);
      byPlace.set(key, { never: (before?.never ?? true) && neverHolds(subpackage.if), subpackage });
    }
    for (const { never, subpackage } of byPlace.values()) {
      if (never) warn('CONFIG_CONDITION_NEVER', { name: subpackage.name }, subpackage.at.value('if'));
    }
  }
}

/** Warns of inputs of a pipeline file that nothing in it reads. */
export function warnPipelineFile(file: PipelineStep, text: string, add: (problem: Diagnostic) => void): void {
  const used = referencesIn(text);
  for (const name in file.inputs) {
    const span = file.at.key('inputs', name);
    if (used.has(`inputs.${name}`) || span === undefined) continue;
    add(diagnostic(errors, 'CONFIG_INPUT_UNUSED', { name }, { span, severity: 'warning' }));
  }
}

/** Whether a condition holds for no architecture, whatever else is true. */
function neverHolds(text: string): boolean {
  const { condition } = parseCondition(text);
  if (condition === undefined) return false;
  return architectures.every((name) => {
    const { apk, go } = architecture(name);
    const known = new Map([
      ['build.arch', apk],
      ['build.goarch', go],
    ]);
    return !possibleValues(condition, known).has(true);
  });
}

/** The names in all `${{…}}` of a text, comments included. */
function referencesIn(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const match of text.matchAll(/\$\{\{\s*([^{}\s]+)\s*\}\}/g)) names.add(match[1] ?? '');
  return names;
}

function* allSteps(config: PackageConfig): Generator<readonly PipelineStep[]> {
  yield config.pipeline;
  if (config.test !== undefined) yield config.test.pipeline;
  for (const subpackage of config.subpackages) {
    yield subpackage.pipeline;
    if (subpackage.test !== undefined) yield subpackage.test.pipeline;
  }
}
