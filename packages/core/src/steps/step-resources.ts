import { buildError } from '@melange2/diagnostics';
import type { LowerOptions } from '@melange2/pipeline';
import { type ArchitectureBuild, compiledOf } from '../architecture-build.ts';
import { errors } from '../errors.ts';
import { parseCpus, parseMemory } from './quantity.ts';

/** The capability of daemons that limit what a step uses (BuildKit 0.31 and later). */
const capability = 'exec.meta.linux.resources';
const periodUs = 100_000;

/**
 * What each step may use: what was asked for, else what the build file says. Where the daemon cannot limit steps, that
 * is said, and nothing is limited.
 *
 * @throws {BuildError} BUILD_QUANTITY_INVALID for what was asked for; what a build file says wrongly is told
 */
export function stepResources(
  build: ArchitectureBuild,
  caps: ReadonlySet<string>,
): Pick<LowerOptions, 'resources'> {
  const { request, bus, architecture } = build;
  const { resources } = compiledOf(build).config.package;
  const cpuText = request.cpu ?? resources.cpu;
  const memoryText = request.memory ?? resources.memory;
  if (cpuText === '' && memoryText === '') return {};
  const cpus = read(cpuText, parseCpus, request.cpu === undefined ? undefined : '--cpu', 'cpu', build);
  const memory = read(
    memoryText,
    parseMemory,
    request.memory === undefined ? undefined : '--memory',
    'memory',
    build,
  );
  if (!caps.has(capability)) {
    const wanted = [
      ...(cpus === undefined ? [] : [`${cpuText} processors`]),
      ...(memory === undefined ? [] : [`${memoryText} of memory`]),
    ].join(' and ');
    const isAsked = request.cpu !== undefined || request.memory !== undefined;
    if (wanted !== '') {
      bus.emit({
        type: 'notice',
        level: isAsked ? 'warning' : 'info',
        text: `steps are not limited to ${wanted}: this daemon cannot do that (BuildKit 0.31 and later can)`,
        architecture,
      });
    }
    return {};
  }
  return {
    resources: {
      ...(cpus === undefined ? {} : { cpuPeriod: periodUs, cpuQuota: Math.round(cpus * periodUs) }),
      ...(memory === undefined ? {} : { memory }),
    },
  };
}

function read(
  text: string,
  parse: (text: string) => number | undefined,
  flag: string | undefined,
  field: 'cpu' | 'memory',
  { bus, architecture }: ArchitectureBuild,
): number | undefined {
  if (text === '') return undefined;
  const value = parse(text);
  if (value !== undefined) return value;
  const wanted =
    field === 'cpu' ? 'a number such as 4 or 500m is wanted' : 'an amount such as 4Gi or 500M is wanted';
  if (flag !== undefined) throw buildError(errors, 'BUILD_QUANTITY_INVALID', { text, flag, wanted });
  bus.emit({
    type: 'notice',
    level: 'warning',
    text: `package.resources.${field} is not understood: "${text}"; ${wanted}`,
    architecture,
  });
  return undefined;
}
