import { InvalidArgumentError, Option } from 'commander';

/** An option that may be given several times, each time with values separated by commas. */
export function list(flags: string, description: string): Option {
  return new Option(flags, description)
    .default([], 'none')
    .argParser((value: string, previous: readonly string[]) => [
      ...previous,
      ...value.split(',').filter((v) => v !== ''),
    ]);
}

/** Like {@link list}, but nothing when it is not given at all: an empty value is a list of nothing. */
export function optionalList(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value: string, previous: unknown) => [
    ...(Array.isArray(previous) ? (previous as readonly string[]) : []),
    ...value.split(',').filter((v) => v !== ''),
  ]);
}

/** Reads a whole number. */
export function integer(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('A whole number is wanted.');
  return Number(value);
}

/** Reads a Go duration (`1h30m`, `90s`, `250ms`) into milliseconds. */
export function duration(value: string): number {
  if (value === '0') return 0;
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.length === 0 || parts.map((p) => p[0]).join('') !== value) {
    throw new InvalidArgumentError('A duration such as 90s or 1h30m is wanted.');
  }
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ''] ?? 0), 0);
}

/** A value for all steps, and values for single ones. */
export interface PerStep<T> {
  readonly all?: T;
  readonly steps: Readonly<Record<string, T>>;
}

/** An option `--x VALUE` or `--x STEP=VALUE` that may be given several times. */
export function perStep(
  flags: string,
  description: string,
  parse: (value: string) => string | number,
): Option {
  return new Option(flags, `${description}; STEP=… for one step; may be repeated`)
    .default({ steps: {} } satisfies PerStep<never>, 'none')
    .argParser((text: string, { steps, ...before }: PerStep<string | number>): PerStep<string | number> => {
      const at = text.lastIndexOf('=');
      const value = parse(text.slice(at + 1));
      return at < 0
        ? { ...before, steps, all: value }
        : { ...before, steps: { ...steps, [text.slice(0, at)]: value } };
    });
}

const networks = ['none', 'default', 'host'] as const;

/** Reads the network of a step. */
export function network(value: string): (typeof networks)[number] {
  const found = networks.find((mode) => mode === value);
  if (found === undefined) throw new InvalidArgumentError(`Allowed are ${networks.join(', ')}.`);
  return found;
}

/** An option of the reference programs that changes nothing here: taken, so that command lines for them go on working. */
export function unused(flags: string): Option {
  return new Option(flags).hideHelp();
}
