/** What a piece of a version is. Kinds are listed by rank: at a difference in kind the lower rank is the newer version. */
const kinds = [
  'first number',
  'number',
  'letter',
  'suffix',
  'suffix number',
  'hash',
  'revision',
  'end',
  'invalid',
] as const;

export type VersionTokenKind = (typeof kinds)[number];

export interface VersionToken {
  readonly kind: VersionTokenKind;
  /** The token's own text, without the mark in front of it (`.`, `_`, `~`, `-r`). */
  readonly text: string;
}

/** A version taken apart. The last token is `end`, or `invalid` where the text stops being a version. */
export interface Version {
  readonly text: string;
  readonly valid: boolean;
  readonly tokens: readonly VersionToken[];
}

const numbers = ['first number', 'number'] as const;
const named = [...numbers, 'letter', 'suffix', 'suffix number'] as const;

/** What a token of each kind may stand behind. */
const before: Readonly<Record<VersionTokenKind, readonly (VersionTokenKind | 'start')[]>> = {
  'first number': ['start'],
  number: numbers,
  letter: numbers,
  suffix: named,
  'suffix number': ['suffix'],
  hash: named,
  revision: [...named, 'hash'],
  end: [],
  invalid: [],
};

const suffixes: readonly string[] = ['alpha', 'beta', 'pre', 'rc', '', 'cvs', 'svn', 'git', 'hg', 'p'];
const noSuffix = suffixes.indexOf('');

const token =
  /(?<digits>[0-9]+)|\.(?<number>[0-9]+)|(?<letter>[a-z])|_(?<suffix>alpha|beta|pre|rc|cvs|svn|git|hg|p)|~(?<hash>[0-9a-f]+)|-r(?<revision>[0-9]+)/y;

/**
 * Takes a version apart; an invalid one too, up to the place where it stops being one.
 *
 * `number(.number)* letter? (_suffix number?)* (~hash)? (-rN)?`, as apk-tools 3 has it. The empty text is invalid.
 *
 * @see https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/90b974fd/doc/apk-package.5.scd
 */
export function parseVersion(text: string): Version {
  const tokens: VersionToken[] = [];
  let at = 0;
  while (at < text.length) {
    token.lastIndex = at;
    const groups = token.exec(text)?.groups;
    const previous = tokens.at(-1)?.kind ?? 'start';
    const found = groups === undefined ? undefined : tokenOf(groups, previous);
    if (found === undefined || !before[found.kind].includes(previous)) {
      tokens.push({ kind: 'invalid', text: text.slice(at) });
      return { text, valid: false, tokens };
    }
    tokens.push(found);
    at = token.lastIndex;
  }
  if (tokens.length === 0) return { text, valid: false, tokens: [{ kind: 'invalid', text }] };
  tokens.push({ kind: 'end', text: '' });
  return { text, valid: true, tokens };
}

function tokenOf(
  groups: Partial<Record<string, string>>,
  previous: VersionTokenKind | 'start',
): VersionToken {
  const { digits, number, letter, suffix, hash, revision = '' } = groups;
  if (digits !== undefined)
    return { kind: previous === 'start' ? 'first number' : 'suffix number', text: digits };
  if (number !== undefined) return { kind: 'number', text: number };
  if (letter !== undefined) return { kind: 'letter', text: letter };
  if (suffix !== undefined) return { kind: 'suffix', text: suffix };
  if (hash !== undefined) return { kind: 'hash', text: hash };
  return { kind: 'revision', text: revision };
}

/** Tells whether `text` is a version as apk-tools 3 has it. */
export function isValidVersion(text: string): boolean {
  return parseVersion(text).valid;
}

/**
 * Orders two versions as apk does: negative when `a` is older, positive when it is newer.
 *
 * `1.2` is older than `1.2-r0`, and `1.01` older than `1.1`: further numbers are compared as text as soon as one of
 * them starts with a zero. Invalid versions compare up to the place where they stop being versions.
 */
export function compareVersions(a: string | Version, b: string | Version): number {
  if (typeof a === 'string' && a === b) return 0;
  return compareTokens(parsed(a), parsed(b), false);
}

/**
 * Tells whether `actual` starts with `required`, token by token: `1.2.9-r1` starts with `1.2`, `1.20` does not.
 */
export function versionStartsWith(actual: string | Version, required: string | Version): boolean {
  return compareTokens(parsed(actual), parsed(required), true) === 0;
}

function parsed(version: string | Version): Version {
  return typeof version === 'string' ? parseVersion(version) : version;
}

function compareTokens(a: Version, b: Version, prefix: boolean): number {
  for (let i = 0; ; i++) {
    const left = a.tokens[i];
    const right = b.tokens[i];
    if (left === undefined || right === undefined) return 0;
    if (left.kind === right.kind) {
      const order = compareSame(left, right);
      if (order !== 0) return order;
      continue;
    }
    if (prefix && right.kind === 'end') return 0;
    if (isPreRelease(left)) return -1;
    if (isPreRelease(right)) return 1;
    return kinds.indexOf(right.kind) - kinds.indexOf(left.kind);
  }
}

function isPreRelease(token: VersionToken): boolean {
  return token.kind === 'suffix' && suffixes.indexOf(token.text) < noSuffix;
}

function compareSame(a: VersionToken, b: VersionToken): number {
  switch (a.kind) {
    case 'suffix':
      return suffixes.indexOf(a.text) - suffixes.indexOf(b.text);
    case 'number':
      return a.text.startsWith('0') || b.text.startsWith('0')
        ? compareTexts(a.text, b.text)
        : compareNumbers(a.text, b.text);
    case 'first number':
    case 'suffix number':
    case 'revision':
      return compareNumbers(a.text, b.text);
    case 'letter':
    case 'hash':
    case 'invalid':
      return compareTexts(a.text, b.text);
    case 'end':
      return 0;
  }
}

/** Decimal numbers of any length; they may be longer than what a double holds. */
function compareNumbers(a: string, b: string): number {
  if (a.length < 16 && b.length < 16) return Number(a) - Number(b);
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  return left.length - right.length || compareTexts(left, right);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
