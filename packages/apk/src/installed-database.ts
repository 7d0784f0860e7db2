import { diagnostic, type Diagnostic, type Parsed } from '@melange2/diagnostics';
import { errors } from './errors.ts';

/** Owner and mode of an installed directory or file. */
export interface InstalledOwner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Identity of the extended attributes, `Q1…`, when there are any. */
  readonly xattrs?: string;
}

/** One file or link that a package installed. */
export interface InstalledFile extends InstalledOwner {
  /** Name in its directory. */
  readonly name: string;
  /** `Q1` and base64 SHA-1 of the content, or of a symlink's target. */
  readonly checksum?: string;
}

/** One directory of a package with what the package installed in it. */
export interface InstalledDirectory extends InstalledOwner {
  /** Path without slashes at its ends; empty for the root. */
  readonly path: string;
  readonly files: readonly InstalledFile[];
}

/** One package of the installed database. */
export interface InstalledRecord {
  readonly identity?: string;
  readonly name: string;
  readonly version: string;
  readonly arch?: string;
  /** Bytes of the package file. */
  readonly size: number;
  readonly installedSize: number;
  readonly description: string;
  readonly url?: string;
  readonly license?: string;
  readonly origin?: string;
  readonly maintainer?: string;
  readonly buildDate?: number;
  readonly commit?: string;
  readonly providerPriority?: number;
  readonly depends: readonly string[];
  readonly provides: readonly string[];
  readonly installIf: readonly string[];
  readonly replaces: readonly string[];
  readonly replacesPriority?: number;
  /** Repository that it is pinned to, without `@`. */
  readonly repositoryTag?: string;
  /** Letters: `f` broken files, `s` broken script, `x` broken attributes, `S` truncated SHA-256. */
  readonly flags?: string;
  readonly directories: readonly InstalledDirectory[];
}

const directoryMode = 0o755;
const fileMode = 0o644;

/**
 * Reads the text of apk's installed database.
 *
 * Unknown lower-case letters are ignored, as apk does. An unknown capital, a file before its directory and
 * a line without a colon are errors.
 */
export function parseInstalled(text: string, file: string): Parsed<readonly InstalledRecord[]> {
  const records: InstalledRecord[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [block, firstLine] of blocksOf(text)) {
    const fields: Record<string, string> = {};
    const directories: (InstalledOwner & { path: string; files: InstalledFile[] })[] = [];
    let current: InstalledFile | undefined;
    const replaceCurrent = (change: Partial<InstalledFile>): void => {
      const files = directories.at(-1)?.files;
      if (files === undefined || current === undefined) return;
      current = { ...current, ...change };
      files[files.length - 1] = current;
    };
    for (const [i, line] of block.entries()) {
      const letter = line[0] ?? '';
      const value = line.slice(2);
      const fail = (): void => {
        const details = { file, line: firstLine + i, text: line.slice(0, 80) };
        diagnostics.push(diagnostic(errors, 'INSTALLED_LINE_INVALID', details));
      };
      if (line[1] !== ':') fail();
      else if (letter === 'F') {
        directories.push({ path: value, uid: 0, gid: 0, mode: directoryMode, files: [] });
        current = undefined;
      } else if (letter === 'M') {
        const owner = parseOwner(value);
        const last = directories.pop();
        if (owner === undefined || last === undefined) fail();
        else directories.push({ ...last, ...owner });
      } else if (letter === 'R') {
        const directory = directories.at(-1);
        current = { name: value, uid: 0, gid: 0, mode: fileMode };
        if (directory === undefined) fail();
        else directory.files.push(current);
      } else if (letter === 'a') {
        const owner = parseOwner(value);
        if (owner === undefined || current === undefined) fail();
        else replaceCurrent(owner);
      } else if (letter === 'Z') {
        if (current === undefined) fail();
        else replaceCurrent({ checksum: value });
      } else if ('CPVASITULomtckDpirqsfg'.includes(letter) || /[a-z]/.test(letter)) {
        fields[letter] = value;
      } else fail();
    }
    records.push(recordOf(fields, directories));
  }
  return diagnostics.length > 0 ? { diagnostics } : { value: records, diagnostics };
}

/** Writes the text of the installed database: fields in apk's order, each record followed by an empty line. */
export function formatInstalled(records: Iterable<InstalledRecord>): string {
  const out: string[] = [];
  for (const record of records) {
    const put = (letter: string, value: string | number | undefined): void => {
      if (value !== undefined && value !== '') out.push(`${letter}:${value}`);
    };
    put('C', record.identity);
    put('P', record.name);
    put('V', record.version);
    put('A', record.arch);
    put('S', record.size);
    put('I', record.installedSize);
    out.push(`T:${record.description}`);
    put('U', record.url);
    put('L', record.license);
    put('o', record.origin);
    put('m', record.maintainer);
    put('t', record.buildDate);
    put('c', record.commit);
    put('k', record.providerPriority || undefined);
    put('D', record.depends.join(' '));
    put('p', record.provides.join(' '));
    put('i', record.installIf.join(' '));
    put('r', record.replaces.join(' '));
    put('q', record.replacesPriority || undefined);
    put('s', record.repositoryTag);
    put('f', record.flags);
    for (const directory of record.directories) {
      out.push(`F:${directory.path}`);
      if (!isDefault(directory, directoryMode)) out.push(`M:${formatOwner(directory)}`);
      for (const file of directory.files) {
        out.push(`R:${file.name}`);
        if (!isDefault(file, fileMode)) out.push(`a:${formatOwner(file)}`);
        put('Z', file.checksum);
      }
    }
    out.push('');
  }
  return out.map((line) => `${line}\n`).join('');
}

function* blocksOf(text: string): Generator<[lines: string[], firstLine: number]> {
  let lines: string[] = [];
  let first = 1;
  for (const [i, line] of text.split('\n').entries()) {
    if (line !== '') {
      if (lines.length === 0) first = i + 1;
      lines.push(line);
      continue;
    }
    if (lines.length > 0) yield [lines, first];
    lines = [];
  }
  if (lines.length > 0) yield [lines, first];
}

function recordOf(
  fields: Readonly<Record<string, string>>,
  directories: readonly InstalledDirectory[],
): InstalledRecord {
  const count = (letter: string): number | undefined => {
    const value = fields[letter];
    return value !== undefined && /^-?[0-9]+$/.test(value) ? Number(value) : undefined;
  };
  const list = (letter: string): string[] => (fields[letter] ?? '').split(' ').filter((word) => word !== '');
  const optional = {
    identity: fields['C'],
    arch: fields['A'],
    url: fields['U'],
    license: fields['L'],
    origin: fields['o'],
    maintainer: fields['m'],
    buildDate: count('t') || undefined,
    commit: fields['c'],
    providerPriority: count('k') || undefined,
    replacesPriority: count('q') || undefined,
    repositoryTag: fields['s'],
    flags: fields['f'],
  };
  return {
    name: fields['P'] ?? '',
    version: fields['V'] ?? '',
    size: count('S') ?? 0,
    installedSize: count('I') ?? 0,
    description: fields['T'] ?? '',
    depends: list('D'),
    provides: list('p'),
    // Databases written by apko hold `i:[]` for "none".
    installIf: list('i').filter((word) => word !== '[]'),
    replaces: list('r'),
    directories,
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, v]) => v !== undefined && v !== ''),
    ) as Partial<InstalledRecord>),
  };
}

function parseOwner(value: string): InstalledOwner | undefined {
  const match = /^([0-9]+):([0-9]+):([0-7]+)(?::(.+))?$/.exec(value);
  if (match === null) return undefined;
  const owner = { uid: Number(match[1]), gid: Number(match[2]), mode: Number.parseInt(match[3] ?? '', 8) };
  return match[4] === undefined ? owner : { ...owner, xattrs: match[4] };
}

function formatOwner({ uid, gid, mode, xattrs }: InstalledOwner): string {
  return `${uid}:${gid}:${mode.toString(8)}${xattrs === undefined ? '' : `:${xattrs}`}`;
}

function isDefault(owner: InstalledOwner, mode: number): boolean {
  return owner.uid === 0 && owner.gid === 0 && owner.mode === mode && owner.xattrs === undefined;
}
