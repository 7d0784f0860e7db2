/** What a `.pc` file asks for. */
export interface PkgConfig {
  /** Names in `Requires`. */
  readonly requires: readonly string[];
  /** Names in `Requires.private` and `Requires.internal`. */
  readonly requiresPrivate: readonly string[];
}

/**
 * Reads a `.pc` file as pkgconf does; undefined when nothing in it is a variable or a property.
 *
 * Variables are replaced, continued lines joined, keys taken in any case, and a list that repeats is all of
 * its lines. Lines that say nothing are passed over. Versions asked for are dropped.
 *
 * @see https://github.com/pkgconf/pkgconf/blob/pkgconf-1.8.1/man/pc.5
 */
export function parsePkgConfig(text: string): PkgConfig | undefined {
  const variables = new Map<string, string>();
  const lists = new Map<string, string[]>();
  let known = text.trim() === '';
  for (const line of logicalLines(text)) {
    const match = /^\s*([A-Za-z0-9_.${}-]+)\s*([=:])\s*(.*)$/s.exec(line);
    if (match === null) continue;
    const [, key = '', sign, raw = ''] = match;
    known = true;
    const value = expand(raw.trim(), variables);
    if (sign === '=') variables.set(key, value);
    else lists.set(key.toLowerCase(), [...(lists.get(key.toLowerCase()) ?? []), ...requirements(value)]);
  }
  if (!known) return undefined;
  return {
    requires: lists.get('requires') ?? [],
    requiresPrivate: [...(lists.get('requires.private') ?? []), ...(lists.get('requires.internal') ?? [])],
  };
}

function* logicalLines(text: string): Generator<string> {
  for (const line of text.replaceAll(/\\\r?\n/g, '').split(/\r?\n/)) {
    const comment = /(^|[^\\])#/.exec(line);
    yield comment === null ? line : line.slice(0, comment.index + (comment[1]?.length ?? 0));
  }
}

function expand(value: string, variables: ReadonlyMap<string, string>): string {
  return value.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => variables.get(name) ?? '');
}

function requirements(value: string): string[] {
  const names: string[] = [];
  const words = value.split(/[\s,]+/).filter((word) => word !== '');
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (/^[<>=!]/.test(word)) {
      // An operator and its version, joined or apart.
      if (/^[<>=!]+$/.test(word)) i++;
      continue;
    }
    const name = word.split(/[<>=!]/, 1)[0] ?? '';
    if (name !== '') names.push(name);
    if (/[<>=!]$/.test(word)) i++;
  }
  return names;
}
