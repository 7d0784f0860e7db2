import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import {
  architecture,
  decodeBuildFile,
  formatGoJson,
  parseConfig,
  referenceJson,
  type ParseOptions,
} from '@melange2/config';
import { hasErrors, type Diagnostic } from '@melange2/diagnostics';
import {
  buildsFor,
  builtinCatalogue,
  compile,
  folderCatalogue,
  layeredCatalogue,
  normaliseScript,
  pipelineLibrary,
  type CompileOptions,
  type PipelineCatalogue,
  type PipelineLibrary,
} from '@melange2/pipeline';
import { differences } from './compile-differences.ts';
import type { Conformance } from './solver.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

interface Answer {
  readonly ok?: boolean;
  readonly compile?: JsonObject;
  readonly error?: string;
  readonly panic?: string;
  readonly hang?: boolean;
  readonly unstable?: readonly Answer[];
}

/** A line of the packed files. */
interface Recorded extends Answer {
  readonly file: string;
  readonly yaml?: string;
  readonly arch?: string;
  readonly source?: string;
  readonly kind?: string;
  readonly pipelineDir?: string;
  readonly testCompile?: JsonObject;
  readonly melange?: Answer | 'same';
}

interface Input {
  readonly text: string;
  readonly file: string;
  readonly arch: string;
  readonly library: PipelineLibrary;
  /** The pipelines that are not ours, whose scripts are compared. */
  readonly own: PipelineCatalogue;
  readonly parse?: ParseOptions;
  readonly compile?: Partial<CompileOptions>;
}

interface Row {
  readonly name: string;
  readonly answer: Answer;
  readonly input: () => Input | { readonly problem: string };
  /** Looks only at the tests, as the `test` command compiles them. */
  readonly tests?: boolean;
}

const commit = '8190a1652f4534ad3feebd3b48066514f0f4375f';

/** Compiles every build file of the vectors and compares what comes out with what melange prints. */
export async function run(vectors: string): Promise<Conformance> {
  const folder = join(vectors, 'compile');
  const lines = (name: string): Recorded[] =>
    gunzipSync(readFileSync(join(folder, name)))
      .toString()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Recorded);
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  const rows = [
    ...wolfi(lines),
    ...fixtures(lines),
    ...errorRows(JSON.parse(readFileSync(join(folder, 'errors.json'), 'utf8')) as ErrorRow[]),
  ];
  for (const row of rows) {
    const difference = compare(row);
    if (difference === undefined) result.equal++;
    else if (differences.some(({ rows: names }) => names.has(row.name))) result.listed++;
    else result.failed.push(`${row.name}: ${difference}`);
  }
  return result;
}

function* wolfi(lines: (name: string) => Recorded[]): Generator<Row> {
  const own = folderCatalogue(
    './pipelines',
    new Map(
      lines('wolfi-pipelines.ndjson.gz').map((l) => [l.file.replace('./pipelines/', ''), l.yaml ?? '']),
    ),
  );
  const library = pipelineLibrary(layeredCatalogue([own, builtinCatalogue]));
  const texts = new Map<string, string>();
  for (const record of lines('wolfi-shared.ndjson.gz')) {
    texts.set(record.file, record.yaml ?? '');
    yield wolfiRow(record, '', texts, library, own);
  }
  for (const record of lines('wolfi-aarch64.ndjson.gz'))
    yield wolfiRow(record, ' aarch64', texts, library, own);
}

function wolfiRow(
  record: Recorded,
  suffix: string,
  texts: ReadonlyMap<string, string>,
  library: PipelineLibrary,
  own: PipelineCatalogue,
): Row {
  const file = record.file;
  return {
    name: `wolfi ${file}${suffix}`,
    answer: record,
    input: () => ({
      text: texts.get(file) ?? '',
      file,
      arch: record.arch ?? '',
      library,
      own,
      parse: { commit },
    }),
  };
}

function* fixtures(lines: (name: string) => Recorded[]): Generator<Row> {
  const records = lines('fixtures.ndjson.gz');
  const folders = new Map<string, Map<string, string>>();
  for (const record of records) {
    if (record.kind !== 'pipeline') continue;
    const source = record.source ?? '';
    const files = folders.get(source) ?? new Map<string, string>();
    files.set(record.file.replace('e2e-tests/pipelines/', ''), record.yaml ?? '');
    folders.set(source, files);
  }
  for (const record of records) {
    if (record.kind === 'pipeline') continue;
    const source = record.source ?? '';
    const folder = record.pipelineDir;
    const own = folderCatalogue(
      folder ?? 'none',
      typeof folder === 'string'
        ? (folders.get(source) ?? new Map<string, string>())
        : new Map<string, string>(),
    );
    // Ours are the pipelines of melange: what it says is compared, also for the fixtures of the fork.
    const other = record.melange;
    const answer =
      source === 'melange' || other === undefined ? record : other === 'same' ? withCaches(record) : other;
    const input = (): Input => ({
      text: record.yaml ?? '',
      file: record.file,
      arch: record.arch ?? '',
      library: pipelineLibrary(layeredCatalogue([own, builtinCatalogue])),
      own,
      parse: { commit },
    });
    yield { name: `${source} ${record.file}`, answer, input };
    const tests = record.testCompile;
    if (tests !== undefined && source === 'melange') {
      const name = `${source} ${record.file} tests`;
      yield { name, answer: { compile: tests }, input, tests: true };
    }
  }
}

/** The variables that only melange sets, and that are left out where both programs are said to agree. */
const caches = {
  COMPOSER_CACHE_DIR: '/var/cache/melange/composer',
  PIP_CACHE_DIR: '/var/cache/melange/pip',
  UV_CACHE_DIR: '/var/cache/melange/uv',
  npm_config_cache: '/var/cache/melange/npm',
};

function withCaches(answer: Answer): Answer {
  if (answer.compile === undefined) return answer;
  const environment = answer.compile['environment'] as JsonObject;
  const variables = { ...caches, ...(environment['environment'] as JsonObject | undefined) };
  return {
    ...answer,
    compile: { ...answer.compile, environment: { ...environment, environment: variables } },
  };
}

interface ErrorRow {
  readonly name: string;
  readonly yaml?: string;
  readonly yamlBase64?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly arch?: string;
  readonly fileArg?: string | null;
  readonly env?: Readonly<Record<string, string>>;
  readonly melange: Answer;
}

/** Flags and environment belong to the command line; so does finding the file. */
const commandLine = /^(file-arg-|env-(http-auth|source-date)|flag-(?!vars-file|env-file))/;

function* errorRows(records: readonly ErrorRow[]): Generator<Row> {
  for (const record of records) {
    if (record.env !== undefined || record.fileArg !== undefined) continue;
    const parsed = readArguments(record);
    if (parsed === undefined) continue;
    yield { name: `errors ${record.name}`, answer: record.melange, input: () => parsed };
  }
}

function readArguments(record: ErrorRow): Input | { readonly problem: string } | undefined {
  const files = record.files ?? {};
  const parse: { -readonly [K in keyof ParseOptions]: ParseOptions[K] } = { commit };
  const given: { -readonly [K in keyof CompileOptions]?: CompileOptions[K] } = {};
  let folder: string | undefined;
  const args = [...(record.args ?? [])];
  while (args.length > 0) {
    const [flag, value = ''] = args.splice(0, 2);
    const text = files[value];
    if (flag === '--pipeline-dir') folder = value;
    else if (flag === '--build-option') parse.buildOptions = given.buildOptions = value.split(',');
    else if (flag === '--git-commit') parse.commit = value === '' ? 'unknown' : value;
    else if (flag === '--override-host-triplet-libc-substitution-flavor')
      given.libc = value as 'gnu' | 'musl';
    else if (flag === '--vars-file') {
      if (text === undefined) return { problem: `no file ${value}` };
      parse.varsFile = { file: value, text };
    } else if (flag === '--env-file') {
      if (value === '') continue;
      if (text === undefined) return { problem: `no file ${value}` };
      parse.envFiles = [...(parse.envFiles ?? []), { file: value, text }];
    } else return undefined;
  }
  if (commandLine.test(record.name)) return undefined;
  const prefix = folder === undefined ? undefined : `${folder.replace(/^\.\//, '').replace(/\/$/, '')}/`;
  const own = folderCatalogue(
    folder ?? 'none',
    new Map(
      Object.entries(files).flatMap(([path, body]) =>
        prefix !== undefined && path.startsWith(prefix) ? [[path.slice(prefix.length), body] as const] : [],
      ),
    ),
  );
  return {
    text: record.yaml ?? decoded(record.yamlBase64 ?? ''),
    file: 'test.yaml',
    arch: record.arch ?? 'x86_64',
    library: pipelineLibrary(layeredCatalogue([own, builtinCatalogue])),
    own,
    parse,
    compile: given,
  };
}

/** What differs, as a line; `undefined` if nothing does. */
function compare(row: Row): string | undefined {
  let ours: Attempt;
  try {
    ours = attempt(row);
  } catch (cause) {
    return `crashed: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
  const answers = row.answer.unstable ?? [row.answer];
  const found = answers.map((answer) => compareOne(ours, answer, row));
  return found.includes(undefined) ? undefined : found[0];
}

type Attempt =
  | { readonly json: JsonObject; readonly own: PipelineCatalogue }
  | { readonly problems: readonly Diagnostic[] };

function attempt(row: Row): Attempt {
  const input = row.input();
  if ('problem' in input) return { problems: [{ code: 'X', severity: 'error', message: input.problem }] };
  const parsed = parseConfig(input.text, input.file, { warnings: false, ...input.parse });
  if (parsed.value === undefined || hasErrors(parsed.diagnostics)) return { problems: parsed.diagnostics };
  if (!buildsFor(parsed.value, architecture(input.arch).apk)) {
    return { problems: [{ code: 'SKIPPED', severity: 'error', message: 'not for this architecture' }] };
  }
  const { value, diagnostics } = compile(parsed.value, {
    architecture: input.arch,
    library: input.library,
    normaliseScript,
    ...input.compile,
  });
  if (value === undefined) return { problems: diagnostics };
  const json = JSON.parse(formatGoJson(referenceJson(value.config))) as JsonObject;
  return { json: row.tests === true ? testsOf(json) : json, own: input.own };
}

function testsOf(json: JsonObject): JsonObject {
  const subpackages = ((json['subpackages'] ?? []) as readonly JsonObject[]).flatMap(({ name, test }) =>
    test === undefined ? [] : [{ name: name ?? '', test }],
  );
  return {
    ...(json['test'] === undefined ? {} : { test: json['test'] }),
    ...(subpackages.length === 0 ? {} : { subpackages }),
  };
}

function compareOne(ours: Attempt, answer: Answer, row: Row): string | undefined {
  const wanted = row.tests === true ? row.answer.compile : answer.compile;
  if (answer.panic !== undefined || answer.hang === true) return undefined;
  if (wanted === undefined) {
    return 'problems' in ours ? undefined : `accepted, but: ${answer.error?.split('\n')[0] ?? 'no answer'}`;
  }
  if ('problems' in ours) {
    return `refused, but accepted: ${ours.problems.map((p) => `${p.code} ${p.message}`).join(' | ')}`;
  }
  const got = comparable(ours.json, ours.own);
  const want = comparable(wanted, ours.own);
  return isDeepStrictEqual(got, want) ? undefined : firstDifference(got, want, '');
}

/** Replaces what is not compared: the scripts of our own built-in pipelines. */
function comparable(json: JsonObject, own: PipelineCatalogue): Json {
  const step = (value: Json, builtIn: boolean): Json => {
    const { runs, uses, pipeline, ...others } = value as JsonObject;
    const inside =
      builtIn ||
      (typeof uses === 'string' &&
        own.resolve(uses) === undefined &&
        builtinCatalogue.resolve(uses) !== undefined);
    return {
      ...others,
      ...(uses === undefined ? {} : { uses }),
      ...(runs === undefined ? {} : { runs: builtIn ? '<built-in>' : runs }),
      ...(pipeline === undefined
        ? {}
        : { pipeline: (pipeline as readonly Json[]).map((s) => step(s, inside)) }),
    };
  };
  const steps = (value: Json | undefined): Json =>
    ((value ?? []) as readonly Json[]).map((s) => step(s, false));
  const test = (value: Json | undefined): JsonObject =>
    value === undefined
      ? {}
      : { test: { ...(value as JsonObject), pipeline: steps((value as JsonObject)['pipeline']) } };
  const { pipeline, subpackages, test: own_test, ...others } = json;
  return {
    ...others,
    pipeline: steps(pipeline),
    ...test(own_test),
    subpackages: ((subpackages ?? []) as readonly JsonObject[]).map(
      ({ pipeline: inner, test: tested, ...sub }) => ({
        ...sub,
        pipeline: steps(inner),
        ...test(tested),
      }),
    ),
  };
}

function firstDifference(got: Json | undefined, want: Json | undefined, path: string): string {
  if (typeof got === 'object' && typeof want === 'object' && got !== null && want !== null) {
    const a = got as JsonObject;
    const b = want as JsonObject;
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (!isDeepStrictEqual(a[key], b[key])) return firstDifference(a[key], b[key], `${path}.${key}`);
    }
  }
  return `${path} is ${shown(got)}, want ${shown(want)}`;
}

function shown(value: Json | undefined): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 160);
}

/** The text of a file given by its bytes; bytes that are no text become one that nothing reads. */
function decoded(base64: string): string {
  return decodeBuildFile(Buffer.from(base64, 'base64'), 'test.yaml').value ?? '\0';
}
