import { compareVersions, parseVersion, versionStartsWith, type Version } from './version.ts';

/**
 * How a version is compared: `~` means "starts with". `><` is followed by a package's identity (`Q1…`) instead of a
 * version.
 */
export type ConstraintOperator = '<' | '<=' | '=' | '>=' | '>' | '~' | '<~' | '>~' | '><' | '<>=' | '<>~';

/** One entry of a world, of `depend` or of `provides`, such as `foo>=1.2`, `!bar` or `so:libz.so.1=1.3`. */
export interface Constraint {
  /** The text as written. */
  readonly text: string;
  readonly name: string;
  /** `!` in front: satisfied when nothing matches the rest. */
  readonly conflict: boolean;
  readonly operator?: ConstraintOperator;
  readonly version?: Version;
  /** The repository tag behind `@`; only a world may have one. */
  readonly tag?: string;
}

const less = 1;
const equal = 2;
const greater = 4;
const prefix = 8;

const bits: Readonly<Record<string, number>> = { '<': less, '=': equal, '>': greater, '~': prefix | equal };

const operators: Readonly<Record<number, ConstraintOperator>> = {
  [less]: '<',
  [less | equal]: '<=',
  [equal]: '=',
  [greater | equal]: '>=',
  [greater]: '>',
  [prefix | equal]: '~',
  [less | prefix | equal]: '<~',
  [greater | prefix | equal]: '>~',
  [less | greater]: '><',
  [less | greater | equal]: '<>=',
  [less | greater | prefix | equal]: '<>~',
};

/**
 * Takes a constraint apart as apk does: `[!]name[@tag][operator version]`; `undefined` when there is an operator
 * without a version behind it, or nothing at all.
 *
 * The operator is any run of `<`, `>`, `=` and `~`, in any order. The version may be invalid: see `version.valid`.
 *
 * @see https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/90b974fd/doc/apk-world.5.scd
 */
export function parseConstraint(text: string): Constraint | undefined {
  const conflict = text.startsWith('!');
  const body = conflict ? text.slice(1) : text;
  const match = /^([^<>=~]*)(?:([<>=~]+)(.*))?$/s.exec(body);
  if (match === null || body === '') return undefined;
  const [, nameAndTag = '', run, version = ''] = match;
  if (run !== undefined && version === '') return undefined;
  const at = nameAndTag.indexOf('@');
  const name = at === -1 ? nameAndTag : nameAndTag.slice(0, at);
  return {
    text,
    name,
    conflict,
    ...(run === undefined ? {} : { operator: operatorOf(run), version: parseVersion(version) }),
    ...(at === -1 ? {} : { tag: nameAndTag.slice(at + 1) }),
  };
}

function operatorOf(run: string): ConstraintOperator {
  let mask = 0;
  for (const character of run) mask |= bits[character] ?? 0;
  return operators[mask] ?? '=';
}

/**
 * Takes an entry of a world apart; `undefined` when it is none.
 *
 * Besides apk's `name@tag=version` it reads apko's `name=version@tag`, with the tag last. A name is needed, and a
 * version has to be valid.
 */
export function parseWorldEntry(text: string): Constraint | undefined {
  const tagLast = /^(.*[<>=~][^@]*)@([A-Za-z0-9._-]+)$/s.exec(text);
  const found = parseConstraint(tagLast?.[1] ?? text);
  if (found === undefined || found.name === '') return undefined;
  if (found.version?.valid === false && found.operator !== '><') return undefined;
  const tag = tagLast?.[2] ?? found.tag;
  return { ...found, text, ...(tag === undefined ? {} : { tag }) };
}

/** Formats a constraint as apk reads it, with a single spelling for each operator. */
export function formatConstraint(constraint: Constraint): string {
  const { conflict, name, tag, operator, version } = constraint;
  return `${conflict ? '!' : ''}${name}${tag === undefined ? '' : `@${tag}`}${operator ?? ''}${version?.text ?? ''}`;
}

export interface MatchOptions {
  /** Lets `=1.2` be met by `1.2-r0` too, as apko does and its users rely on. Default false. */
  readonly revisionOptional?: boolean;
}

/**
 * Tells whether `actual` lies in the range that the constraint gives; without an operator any version does.
 *
 * Says nothing about `conflict` and names. An identity (`><`) is never met by a version.
 */
export function versionMatches(
  actual: string | Version,
  constraint: Pick<Constraint, 'operator' | 'version'>,
  options: MatchOptions = {},
): boolean {
  const { operator, version: required } = constraint;
  if (operator === undefined || required === undefined) return true;
  if (operator === '><') return false;
  if (operator.includes('~') && versionStartsWith(actual, required)) return true;
  const order = compareVersions(actual, required);
  if (order < 0) return operator.includes('<');
  if (order > 0 && operator.includes('>')) return true;
  if (order === 0) return operator.includes('=') || operator.includes('~');
  return (
    options.revisionOptional === true &&
    operator.includes('=') &&
    required.valid &&
    required.tokens.every((t) => t.kind !== 'revision') &&
    compareVersions(actual, `${required.text}-r0`) === 0
  );
}
