import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  applyTransforms,
  buildVariables,
  decodeBuildFile,
  formatGoJson,
  goQuote,
  holds,
  parseCondition,
  parseConfig,
  referenceJson,
  substitute,
  subpackageVariables,
  type PackageConfig,
  type ParseOptions,
  type VariableProblem,
  type Variables,
} from '@melange2/config';
import { hasErrors, type Parsed } from '@melange2/diagnostics';

export interface Conformance {
  /** Rows that agree. */
  readonly equal: number;
  /** Rows whose difference is explained in docs/compat/config.md. */
  readonly listed: number;
  /** Rows that differ without a reason. */
  readonly failed: string[];
}

interface Row {
  readonly name: string;
  /** Any of these is right. */
  readonly want: readonly string[];
  readonly got: string;
}

/** Rows that differ on purpose; the reasons stand in docs/compat/config.md. */
const listed: readonly RegExp[] = [
  // A variable may be an operand of a condition.
  /^fixture \S+ examples\/conditional\.yaml$/,
  // vars may refer to vars and to package.*.
  /^literal \$\{\{vars\.(?:ref|pkg)\}\}$/,
  // Every condition is read, also one that would not be evaluated.
  /^errors (?:if-syntax-error-under-false|sub-if-syntax-error)$/,
  // File capabilities of subpackages count.
  /^errors setcap-subpackage-bad-lost$/,
  // Priorities and replaces know transforms.
  /^errors (?:sub-priority-spaced-var|priority-from-transform-spaced|transform-in-replaces-spaced)$/,
  // Valid YAML that the references' library does not read.
  /^errors (?:file-tab-on-blank-line|file-yaml-directive-12|anchor-names-odd)$/,
  // The references crash.
  /^errors (?:env-child-\S+|option-remove-twice-in-list|flag-vars-file-no-vars)$/,
];

/** Rows about pipelines that use themselves: the compiler's. */
const compilers = /^cycle-/;

const commit = '8190a1652f4534ad3feebd3b48066514f0f4375f';

/** Reads every build file of the vectors, and compares what it means or that it is refused. */
export async function run(vectors: string): Promise<Conformance> {
  const folder = join(vectors, 'compile');
  const json = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const lines = (name: string): unknown[] =>
    gunzipSync(readFileSync(join(folder, name)))
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  const rows = [
    ...recipes(
      lines('wolfi-shared.ndjson.gz') as Recipe[],
      lines('wolfi-parsed.ndjson.gz') as ParsedRecipe[],
    ),
    ...fixtures(lines('fixtures.ndjson.gz') as Fixture[]),
    ...broken(json('errors.json') as Broken[]),
    ...substitutions(json('substitution.json') as Substitutions),
    ...conditions(json('cond.json') as Conditions),
  ];
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  for (const { name, want, got } of rows) {
    if (want.includes(got)) result.equal++;
    else if (listed.some((pattern) => pattern.test(name))) result.listed++;
    else result.failed.push(`${name}\n${want.map((one) => difference(one, got)).join('\n')}`);
  }
  return result;
}

/** Shows two texts from a little before where they part. */
function difference(want: string, got: string): string {
  let at = 0;
  while (at < want.length && want[at] === got[at]) at++;
  const from = Math.max(0, at - 40);
  return `  want …${want.slice(from, from + 160)}\n  got  …${got.slice(from, from + 160)}`;
}

interface Recipe {
  readonly file: string;
  readonly yaml: string;
}

interface ParsedRecipe {
  readonly file: string;
  readonly parsed: unknown;
}

function recipes(texts: readonly Recipe[], parsed: readonly ParsedRecipe[]): Row[] {
  const wanted = new Map(parsed.map((row) => [row.file, row.parsed]));
  return texts.map(({ file, yaml }) => ({
    name: `wolfi ${file}`,
    want: [canonical(wanted.get(file))],
    got: shown(parseConfig(yaml, file, { commit })),
  }));
}

interface Fixture {
  readonly source: string;
  readonly file: string;
  readonly yaml: string;
  readonly kind?: string;
  readonly parsed?: unknown;
  readonly error?: string;
}

function fixtures(rows: readonly Fixture[]): Row[] {
  return rows.flatMap((row) => {
    if (row.kind === 'pipeline') return [];
    const got = parseConfig(row.yaml, row.file, { commit });
    const name = `fixture ${row.source} ${row.file}`;
    if (row.parsed !== undefined) {
      const want = canonical(row.parsed);
      return [
        { name, want: [want], got: row.source === 'melange2' ? withoutCaches(shown(got)) : shown(got) },
      ];
    }
    if (row.error?.startsWith('failed to load configuration: ') === true) {
      return [{ name, want: ['refused'], got: verdict(got) }];
    }
    return [];
  });
}

/** Takes away the variables that only melange sets: the README of the vectors says so. */
function withoutCaches(json: string): string {
  const caches = /"(?:COMPOSER_CACHE_DIR|PIP_CACHE_DIR|UV_CACHE_DIR|npm_config_cache)":"[^"]*",?/g;
  return json.replaceAll(caches, '').replaceAll(',}', '}');
}

interface Answer {
  readonly compile?: Readonly<Record<string, unknown>>;
  readonly ok?: boolean;
  readonly error?: string;
  readonly panic?: string;
  readonly value?: unknown;
  readonly unstable?: readonly Answer[];
}

interface Broken {
  readonly name: string;
  readonly yaml?: string;
  readonly yamlBase64?: string;
  readonly args?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly fileArg?: string | null;
  readonly melange: Answer;
}

/** What only the compiler makes; the rest of a compiled configuration is as it was parsed. */
const compiledParts: ReadonlySet<string> = new Set(['pipeline', 'subpackages', 'environment', 'test']);

function broken(rows: readonly Broken[]): Row[] {
  return rows.flatMap((row) => {
    const { melange: answer, files = {}, args = [] } = row;
    if (row.fileArg !== undefined || compilers.test(row.name)) return [];
    const text =
      row.yaml ?? decodeBuildFile(Buffer.from(row.yamlBase64 ?? '', 'base64'), 'test.yaml').value ?? '';
    const options = parseOptions(args, files);
    if (options === undefined) return [];
    const got = parseConfig(text, 'test.yaml', options);
    const name = `errors ${row.name}`;
    const one = answer.unstable?.[0] ?? answer;
    if (one.error?.startsWith('failed to load configuration: ') === true || one.panic !== undefined) {
      return [{ name, want: ['refused'], got: verdict(got) }];
    }
    if (one.error !== undefined) return [];
    if (verdict(got) === 'refused') return [{ name, want: ['accepted'], got: shown(got) }];
    const whole =
      got.value === undefined ? {} : (JSON.parse(formatGoJson(referenceJson(got.value))) as object);
    const parsedParts = (config: object): string =>
      canonical(Object.fromEntries(Object.entries(config).filter(([key]) => !compiledParts.has(key))));
    return [{ name, want: [parsedParts(one.compile ?? {})], got: parsedParts(whole) }];
  });
}

/** The options that a command line gives to the parser; nothing when it is about something else. */
function parseOptions(
  args: readonly string[],
  files: Readonly<Record<string, string>>,
): ParseOptions | undefined {
  const envFiles: { file: string; text: string }[] = [];
  const buildOptions: string[] = [];
  let varsFile: ParseOptions['varsFile'];
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1] ?? '';
    const text = files[value];
    if (args[i] === '--env-file' && text !== undefined) envFiles.push({ file: value, text });
    else if (args[i] === '--vars-file' && text !== undefined) varsFile = { file: value, text };
    else if (args[i] === '--build-option') buildOptions.push(...value.split(','));
    else if (args[i] !== '--pipeline-dir') return undefined;
  }
  return { commit, envFiles, buildOptions, ...(varsFile === undefined ? {} : { varsFile }) };
}

interface Substitutions {
  readonly vars: Readonly<Record<string, string>>;
  readonly literalConfig: unknown;
  readonly cases: readonly {
    readonly kind: string;
    readonly in?: string;
    readonly note?: string;
    readonly with?: Readonly<Record<string, string>>;
    readonly base?: Readonly<Record<string, string>>;
    readonly transforms?: readonly { from: string; match: string; replace: string; to: string }[];
    readonly yaml?: string;
    readonly arch?: string;
    readonly flavor?: 'gnu' | 'musl';
    readonly options?: readonly string[];
    readonly melange: Answer;
  }[];
}

function substitutions({ vars, literalConfig, cases }: Substitutions): Row[] {
  return cases.flatMap((row, i): Row[] => {
    const name = `${row.kind} ${row.note ?? row.in ?? i}`;
    const want = row.melange.error === undefined ? [canonical(row.melange.value)] : ['refused'];
    switch (row.kind) {
      case 'subst':
      case 'quote': {
        const table = bracedTable(row.with ?? vars, row.kind === 'quote');
        const { text, problems } = substitute(row.in ?? '', table);
        return [{ name, want, got: problems.length > 0 ? 'refused' : canonical(text) }];
      }
      case 'literal': {
        const config = { ...(literalConfig as object), pipeline: [{ name: row.in }] };
        const parsed = parseConfig(JSON.stringify(config).replaceAll('\\u0000', ''), 'literal');
        return [{ name, want, got: canonical(parsed.value?.pipeline[0]?.name) }];
      }
      case 'transforms': {
        const problems: VariableProblem[] = [];
        const table = new Map(Object.entries(row.base ?? {}).map(([key, value]) => [bare(key), value]));
        applyTransforms(row.transforms ?? [], table, problems);
        return [{ name, want, got: problems.length > 0 ? 'refused' : canonical(braced(table)) }];
      }
      case 'table': {
        const config = parseConfig(row.yaml ?? '', 'table').value;
        if (config === undefined) return [{ name, want, got: 'refused' }];
        return [{ name, want, got: canonical(tables(config, row)) }];
      }
      default:
        // How a step's inputs are bound is the compiler's.
        return [];
    }
  });
}

function tables(config: PackageConfig, row: Substitutions['cases'][number]): unknown {
  const { main } = buildVariables(config, {
    arch: row.arch ?? '',
    libc: row.flavor ?? 'gnu',
    options: row.options ?? [],
  });
  const subpackages = config.subpackages.map(({ name }) => [name, braced(subpackageVariables(name))]);
  return {
    main: braced(main),
    ...(subpackages.length === 0 ? {} : { subpackages: Object.fromEntries(subpackages) as unknown }),
  };
}

function bare(key: string): string {
  return key.replace(/^\$\{\{(.*)\}\}$/s, '$1');
}

function braced(table: ReadonlyMap<string, string>): unknown {
  return Object.fromEntries([...table].map(([key, value]) => [`\${{${key}}}`, value]));
}

/** A table whose keys are names or names in braces; those in braces may be put in quoted. */
function bracedTable(table: Readonly<Record<string, string>>, quoted: boolean): Variables {
  return {
    get: (name) => {
      if (Object.hasOwn(table, name)) return table[name];
      const value = table[`\${{${name}}}`];
      return value === undefined || !quoted ? value : goQuote(value);
    },
  };
}

interface Conditions {
  readonly vars: Readonly<Record<string, string>>;
  readonly cases: readonly {
    readonly in: string;
    readonly lookup: 'vars' | 'none';
    readonly melange: Answer;
  }[];
}

function conditions({ vars, cases }: Conditions): Row[] {
  const known = new Map(Object.entries(vars));
  return cases.map((row) => ({
    name: `condition ${row.in.slice(0, 60)}`,
    want: [row.melange.error === undefined ? String(row.melange.value) : 'refused'],
    got: condition(row.in, row.lookup === 'vars' ? known : undefined),
  }));
}

function condition(text: string, known: ReadonlyMap<string, string> | undefined): string {
  const parsed = parseCondition(text);
  if (parsed.condition === undefined) return 'refused';
  let unknown = 0;
  const value = holds(parsed.condition, known ?? new Map(), () => unknown++);
  return known !== undefined && unknown > 0 ? 'refused' : String(value);
}

function verdict(parsed: Parsed<unknown>): string {
  return parsed.value === undefined || hasErrors(parsed.diagnostics) ? 'refused' : 'accepted';
}

function shown(parsed: Parsed<PackageConfig>): string {
  if (parsed.value === undefined || hasErrors(parsed.diagnostics)) {
    const errors = parsed.diagnostics.filter((problem) => problem.severity === 'error');
    return `refused: ${errors.map((problem) => `${problem.code} ${problem.message}`).join(' | ')}`;
  }
  return canonical(JSON.parse(formatGoJson(referenceJson(parsed.value))));
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
