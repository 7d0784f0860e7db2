import { diagnostic, type Diagnostic, type Span } from '@melange2/diagnostics';
import { errors, type Details } from './errors.ts';
import type { Capability, Cpe, Dependencies, PackageConfig } from './package-config.ts';
import type { PipelineStep } from './pipeline-step.ts';
import { stepConflicts } from './step-conflicts.ts';

const packageName = /^[a-zA-Z\d][a-zA-Z\d+_.-]*$/;
const cpeValue = /^[a-z\d][a-z\d+_.-]*$/;
const allowedCapabilities: ReadonlySet<string> = new Set([
  'cap_net_bind_service',
  'cap_net_admin',
  'cap_net_raw',
  'cap_ipc_lock',
  'cap_sys_admin',
]);

/** Reports what a build file must not say, each rule wherever it is broken. */
export function checkConfig(config: PackageConfig, add: (problem: Diagnostic) => void): void {
  const report = <Code extends keyof Details>(
    code: Code,
    details: Details[Code],
    span: Span | undefined,
    related?: { readonly span: Span; readonly message: string },
  ): void => {
    const place = span === undefined ? {} : { span };
    add(
      diagnostic(errors, code, details, {
        ...place,
        ...(related === undefined ? {} : { related: [related] }),
      }),
    );
  };
  const root = config.at.key('package') ?? config.at.value();
  const main = config.package;
  if (!packageName.test(main.name)) {
    report('CONFIG_NAME_INVALID', { what: 'package', name: main.name }, main.at.value('name') ?? root);
  }
  if (main.version === '') report('CONFIG_VERSION_MISSING', {}, main.at.value('version') ?? root);
  checkPriorities(main.dependencies);
  checkSteps(config.pipeline);
  checkSetcap(main.setcap);
  checkSubpackages();
  checkCpe(main.cpe);

  function checkSubpackages(): void {
    const seen = new Map<string, Span | undefined>();
    for (const subpackage of config.subpackages) {
      const { name } = subpackage;
      const place = subpackage.at.value('name') ?? subpackage.at.value();
      if (name === main.name && name !== '') {
        report('CONFIG_NAME_DUPLICATE', { name, other: 'main package' }, place);
      } else if (seen.has(name)) {
        const first = seen.get(name);
        const related = first === undefined ? undefined : { span: first, message: 'It has the name too.' };
        report('CONFIG_NAME_DUPLICATE', { name, other: 'subpackage before it' }, place, related);
      }
      if (!seen.has(name)) seen.set(name, place);
      if (!packageName.test(name)) report('CONFIG_NAME_INVALID', { what: 'subpackage', name }, place);
      checkPriorities(subpackage.dependencies);
      checkSteps(subpackage.pipeline);
      checkSetcap(subpackage.setcap);
    }
  }

  function checkPriorities(dependencies: Dependencies): void {
    const fields = [
      ['provider-priority', dependencies.providerPriority],
      ['replaces-priority', dependencies.replacesPriority],
    ] as const;
    for (const [field, value] of fields) {
      if (value === '' || isInteger(value)) continue;
      report('CONFIG_PRIORITY_INVALID', { field, value }, dependencies.at.value(field));
    }
  }

  function checkSteps(steps: readonly PipelineStep[]): void {
    for (const { problem, span } of stepConflicts(steps)) report('CONFIG_STEP_CONFLICT', { problem }, span);
  }

  function checkSetcap(capabilities: readonly Capability[]): void {
    for (const capability of capabilities) {
      for (const names in capability.add) {
        for (const name of names.split(',')) {
          if (allowedCapabilities.has(name)) continue;
          const known = [...allowedCapabilities].join(', ');
          const reason = `"${name}" is no capability that a file of a package may have. Allowed are ${known}.`;
          report('CONFIG_SETCAP_INVALID', { reason }, capability.at.key('add', names));
        }
      }
      if (capability.reason !== '') continue;
      const reason = `The file capabilities of "${capability.path}" have no reason. Add "reason".`;
      report('CONFIG_SETCAP_INVALID', { reason }, capability.at.value('reason') ?? capability.at.value());
    }
  }

  function checkCpe(cpe: Cpe): void {
    const fail = (key: string, reason: string): void =>
      report('CONFIG_CPE_INVALID', { reason }, cpe.at.value(key) ?? cpe.at.value());
    if (!['', 'a', 'o'].includes(cpe.part)) {
      fail('part', `"part" is "a" for an application or "o" for an operating system, not "${cpe.part}"`);
    }
    if ((cpe.vendor === '') !== (cpe.product === '')) {
      const missing = cpe.vendor === '' ? 'vendor' : 'product';
      fail(missing, `"vendor" and "product" go together, and "${missing}" is missing`);
    }
    const fields = [
      ['vendor', cpe.vendor],
      ['product', cpe.product],
      ['edition', cpe.edition],
      ['language', cpe.language],
      ['sw_edition', cpe.swEdition],
      ['target_sw', cpe.targetSw],
      ['target_hw', cpe.targetHw],
      ['other', cpe.other],
    ] as const;
    for (const [key, value] of fields) {
      if (value === '' || cpeValue.test(value)) continue;
      fail(
        key,
        `"${key}" begins with a small letter or digit, and has only those, "+", "_", "." and "-"; it is "${value}"`,
      );
    }
  }
}

function isInteger(text: string): boolean {
  if (!/^[-+]?\d+$/.test(text)) return false;
  const value = BigInt(text.replace(/^\+/, ''));
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}
