import { diagnostic, type Diagnostic, type Parsed } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import type { ApkPackage } from './open-package.ts';
import type { PackageInfo } from './package-info.ts';
import { compareBytes } from './path-text.ts';
import { compareVersions } from './version.ts';

/** One package of an index. Lists are empty and optional fields absent where the index does not say. */
export interface IndexRecord {
  /** `Q1` and base64 SHA-1 of the control member; other kinds (`Q2`, `X1`, `X2`) are kept as they are. */
  readonly identity?: string;
  readonly name: string;
  readonly version: string;
  readonly arch?: string;
  /** Bytes of the package file. */
  readonly size: number;
  /** Bytes of what it installs. */
  readonly installedSize: number;
  readonly description: string;
  readonly url?: string;
  readonly license?: string;
  readonly origin?: string;
  readonly maintainer?: string;
  /** Seconds since 1970. */
  readonly buildDate?: number;
  readonly commit?: string;
  readonly providerPriority?: number;
  readonly depends: readonly string[];
  readonly installIf: readonly string[];
  readonly provides: readonly string[];
  readonly replaces: readonly string[];
  /** Lines with letters that stand for nothing here, in their order; kept, so that a merge loses nothing. */
  readonly other: readonly (readonly [letter: string, value: string])[];
}

/**
 * Reads the text of an `APKINDEX`: records of `letter:value` lines, parted by empty lines.
 *
 * A list that is given by several lines is all of them. The last record counts also when no empty line
 * follows. A record without a name is left out, with a warning; a line without a colon, or a size, time or priority
 * that is no number, is an error.
 */
export function parseIndex(text: string, file: string): Parsed<readonly IndexRecord[]> {
  const records: IndexRecord[] = [];
  const diagnostics: Diagnostic[] = [];
  let lines: [string, string][] = [];
  let lineNumber = 0;
  const flush = (): void => {
    if (lines.length === 0) return;
    const record = recordOf(lines);
    lines = [];
    if (record.name !== '') records.push(record);
    else
      diagnostics.push(
        diagnostic(errors, 'INDEX_RECORD_NAMELESS', { file, line: lineNumber }, { severity: 'warning' }),
      );
  };
  for (const raw of text.split('\n')) {
    lineNumber++;
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '') {
      flush();
      continue;
    }
    const [letter = '', value] = [line[0], line.slice(2)];
    const number = !'SItk'.includes(letter) || /^(-?[0-9]+)?$/.test(value);
    if (line[1] === ':' && number) lines.push([letter, value]);
    else {
      const details = { file, line: lineNumber, text: line.slice(0, 80) };
      diagnostics.push(diagnostic(errors, 'INDEX_LINE_INVALID', details));
    }
  }
  flush();
  const broken = diagnostics.some((d) => d.severity === 'error');
  return broken ? { diagnostics } : { value: records, diagnostics };
}

function recordOf(lines: readonly (readonly [string, string])[]): IndexRecord {
  const fields: Record<string, string> = {};
  const other: [string, string][] = [];
  for (const [letter, value] of lines) {
    if ('Dipr'.includes(letter)) {
      fields[letter] = fields[letter] === undefined ? value : `${fields[letter]} ${value}`;
    } else if ('CPVASITULomtck'.includes(letter)) fields[letter] = value;
    else other.push([letter, value]);
  }
  const count = (letter: string): number | undefined => {
    const value = fields[letter]?.trim();
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
  };
  return {
    name: fields['P'] ?? '',
    version: fields['V'] ?? '',
    size: count('S') ?? 0,
    installedSize: count('I') ?? 0,
    description: fields['T'] ?? '',
    depends: list('D'),
    installIf: list('i'),
    provides: list('p'),
    replaces: list('r'),
    other,
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, v]) => v !== undefined && v !== ''),
    ) as Partial<IndexRecord>),
  };
}

/** Writes the text of an `APKINDEX`, records in the order given, each followed by an empty line. */
export function formatIndex(records: Iterable<IndexRecord>): string {
  const out: string[] = [];
  for (const record of records) {
    const put = (letter: string, value: string | number | undefined): void => {
      if (value !== undefined && value !== '')
        out.push(`${letter}:${String(value).replaceAll(/[\r\n]+/g, ' ')}`);
    };
    put('C', record.identity);
    put('P', record.name);
    put('V', record.version);
    put('A', record.arch);
    put('S', record.size || undefined);
    put('I', record.installedSize || undefined);
    out.push(`T:${record.description.replaceAll(/[\r\n]+/g, ' ')}`);
    put('U', record.url);
    put('L', record.license);
    put('o', record.origin);
    put('m', record.maintainer);
    put('t', record.buildDate || undefined);
    put('c', record.commit);
    put('D', record.depends.join(' '));
    put('i', record.installIf.join(' '));
    put('p', record.provides.join(' '));
    put('r', record.replaces.join(' '));
    put('k', record.providerPriority || undefined);
    for (const [letter, value] of record.other) out.push(`${letter}:${value}`);
    out.push('');
  }
  return out.map((line) => `${line}\n`).join('');
}

/** Makes the index record of a package from its own description, identity and file size. */
export function indexRecordOf(pkg: Pick<ApkPackage, 'info' | 'identity' | 'size'>): IndexRecord {
  const { info } = pkg;
  const license = joinLicenses(info);
  return {
    identity: pkg.identity,
    name: info.name,
    version: info.version,
    size: pkg.size,
    installedSize: info.installedSize,
    description: info.description,
    depends: [...new Set(info.depends)],
    installIf: [...new Set(info.installIf)],
    provides: [...new Set(info.provides)],
    // Not written: no index of the field has them, apk reads them from the package.
    replaces: [],
    other: [],
    ...(info.arch === '' ? {} : { arch: info.arch }),
    ...(info.url === '' ? {} : { url: info.url }),
    ...(license === '' ? {} : { license }),
    ...(info.origin === undefined ? {} : { origin: info.origin }),
    ...(info.maintainer === undefined ? {} : { maintainer: info.maintainer }),
    ...(info.buildDate === undefined ? {} : { buildDate: info.buildDate }),
    ...(info.commit === undefined ? {} : { commit: info.commit }),
    ...(info.providerPriority === undefined ? {} : { providerPriority: info.providerPriority }),
  };
}

/**
 * Merges records into those of an index: one with the same name and version takes the old one's place,
 * others are appended in the order given.
 */
export function mergeRecords(existing: readonly IndexRecord[], added: readonly IndexRecord[]): IndexRecord[] {
  const merged = new Map(existing.map((record) => [`${record.name}\n${record.version}`, record]));
  for (const record of added) merged.set(`${record.name}\n${record.version}`, record);
  return [...merged.values()];
}

/** Sorts records by name, then from the lowest version to the highest, so that equal sets give equal bytes. */
export function sortRecords(records: readonly IndexRecord[]): IndexRecord[] {
  return records.toSorted(
    (a, b) =>
      compareBytes(a.name, b.name) ||
      compareVersions(a.version, b.version) ||
      compareBytes(a.version, b.version) ||
      compareBytes(a.identity ?? '', b.identity ?? ''),
  );
}

function joinLicenses(info: PackageInfo): string {
  const [first, ...rest] = info.licenses;
  if (first === undefined) return '';
  if (rest.length === 0) return first;
  return info.licenses.map((l) => (/\sOR\s/i.test(l) ? `(${l})` : l)).join(' AND ');
}
