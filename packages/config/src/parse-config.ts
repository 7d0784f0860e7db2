import {
  diagnostic,
  isBuildError,
  lineMap,
  sortDiagnostics,
  type Diagnostic,
  type Parsed,
} from '@melange2/diagnostics';
import { buildFileType } from './build-file-definition.ts';
import { checkConfig } from './check-config.ts';
import { withBuildUser, withVariables } from './complete-environment.ts';
import { asMap, DecodeContext, emptyRecord, mapOf, rawText } from './decode.ts';
import { parseEnvFile } from './env-file.ts';
import { errors } from './errors.ts';
import { inheritSteps } from './inherit-steps.ts';
import { findPair, SourceText } from './node-places.ts';
import type { PackageConfig, Subpackage, Test } from './package-config.ts';
import type { ParseOptions } from './parse-options.ts';
import { readDocument } from './read-document.ts';
import { reportReferences, resolveStrictly } from './strict-references.ts';
import { substituteLiteral, type Variables } from './substitution.ts';
import { fileVariables, type VariableProblem } from './variables.ts';
import { warnConfig } from './warn-config.ts';
import { isNull, type YamlMap } from './yaml-node.ts';

/**
 * Reads one build file and reports every problem in it, not only the first.
 *
 * Pure: reads no file and no environment. `file` is used in spans only. A value comes also with errors, as
 * far as it could be read, so that later stages can find theirs; there is none when the text is no YAML map.
 *
 * @see https://github.com/chainguard-dev/melange/blob/2043d30b549e6f03c43e90341fb77c3532c4b790/docs/BUILD-FILE.md
 */
export function parseConfig(text: string, file: string, options: ParseOptions = {}): Parsed<PackageConfig> {
  try {
    return read(text, file, options);
  } catch (cause) {
    if (!isBuildError(cause)) throw cause;
    const span = lineMap(file, text).span(0, 0);
    return { diagnostics: [{ code: cause.code, severity: 'error', message: cause.message, span }] };
  }
}

function read(text: string, file: string, options: ParseOptions): Parsed<PackageConfig> {
  const source = new SourceText(file, text);
  const document = readDocument(source);
  if (document.root === undefined) return { diagnostics: document.diagnostics };
  const reading = new DecodeContext(source, { strict: true });
  const root = asMap(document.root, reading, 'a build file');
  if (root === undefined) return { diagnostics: reading.problems };

  const raw = rawConfig(root, reading.quiet());
  const extra = overlays(raw, options);
  const problems: VariableProblem[] = [];
  const variables = fileVariables({ ...raw.package, ...raw, vars: extra.vars }, problems);
  const decoded = buildFileType.decode(root, reading.with({ variables, data: raw.data }));
  if (decoded === undefined) return { diagnostics: reading.problems };
  for (const problem of problems) reportVariable(problem, decoded, variables, (found) => reading.add(found));

  const completed = complete({ ...decoded, vars: extra.vars }, extra, variables, options);
  const config = finish(completed, reading);
  // What could not be read breaks rules too; one problem for one value is enough.
  const unread = new Set(reading.problems.map(placeOf));
  checkConfig(config, (problem) => {
    if (!unread.has(placeOf(problem))) reading.add(problem);
  });
  if (options.warnings !== false) warnConfig(config, source.text, options, (problem) => reading.add(problem));
  return { value: config, diagnostics: sortDiagnostics([...extra.diagnostics, ...reading.problems]) };
}

function placeOf({ span }: Diagnostic): string {
  return `${span?.start.offset}-${span?.end.offset}`;
}

/** The parts that variables are made from, before any is put in. */
function rawConfig(root: YamlMap, context: DecodeContext): PackageConfig {
  const parts = ['package', 'vars', 'var-transforms', 'data', 'options'];
  const keys: YamlMap['keys'][number][] = [];
  const values: YamlMap['values'][number][] = [];
  for (const part of parts) {
    const pair = findPair(root, part);
    if (pair === undefined || isNull(pair.value)) continue;
    keys.push(pair.key);
    values.push(pair.value);
  }
  const config = buildFileType.decode({ ...root, keys, values }, context);
  if (config === undefined) throw new Error('a mapping is always read');
  return config;
}

interface Overlays {
  readonly vars: Readonly<Record<string, string>>;
  readonly environments: readonly Readonly<Record<string, string>>[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What comes from outside the file: the vars file, the enabled options, the env files. */
function overlays(raw: PackageConfig, options: ParseOptions): Overlays {
  const diagnostics: Diagnostic[] = [];
  let vars = raw.vars;
  if (options.varsFile !== undefined) {
    const parsed = parseVarsFile(options.varsFile.text, options.varsFile.file);
    diagnostics.push(...parsed.diagnostics);
    vars = Object.assign(emptyRecord<string>(), vars, parsed.value);
  }
  for (const name of options.buildOptions ?? []) {
    const option = raw.options[name];
    if (option !== undefined) vars = Object.assign(emptyRecord<string>(), vars, option.vars);
  }
  const environments: Readonly<Record<string, string>>[] = [];
  for (const { text, file } of options.envFiles ?? []) {
    const parsed = parseEnvFile(text, file);
    diagnostics.push(...parsed.diagnostics);
    if (parsed.value !== undefined) environments.push(parsed.value);
  }
  return { vars, environments, diagnostics };
}

/** Reads a vars file: a flat YAML map of texts. */
function parseVarsFile(text: string, file: string): Parsed<Readonly<Record<string, string>>> {
  const source = new SourceText(file, text);
  const document = readDocument(source);
  if (document.root === undefined) return { diagnostics: document.diagnostics };
  const context = new DecodeContext(source, { strict: false });
  const value = isNull(document.root) ? {} : mapOf(rawText, '').decode(document.root, context);
  return { ...(value === undefined ? {} : { value }), diagnostics: context.problems };
}

/** Adds what is not in the file: commits, options, users, variables, inheritance. */
function complete(
  config: PackageConfig,
  extra: Overlays,
  variables: Variables,
  options: ParseOptions,
): PackageConfig {
  const commit = config.package.commit === '' ? (options.commit ?? '') : config.package.commit;
  const environment = withOptions(config, variables, options.buildOptions ?? []);
  const subpackage = (from: Subpackage): Subpackage => ({
    ...from,
    commit: from.commit === '' ? commit : from.commit,
    pipeline: inheritSteps(from.pipeline),
    test: from.test === undefined || from.test.pipeline.length === 0 ? from.test : withUser(from.test),
  });
  return {
    ...config,
    package: { ...config.package, commit },
    environment: withVariables(withBuildUser(environment), extra.environments),
    pipeline: inheritSteps(config.pipeline),
    subpackages: config.subpackages.map(subpackage),
    test: config.test === undefined ? undefined : withUser(config.test),
  };
}

function withUser(test: Test): Test {
  return { ...test, environment: withBuildUser(test.environment) };
}

/** The environment with the packages that enabled options add and remove. */
function withOptions(
  config: PackageConfig,
  variables: Variables,
  names: readonly string[],
): PackageConfig['environment'] {
  const { environment } = config;
  let { packages } = environment.contents;
  for (const name of names) {
    const option = config.options[name];
    if (option === undefined) continue;
    const removed = new Set(option.remove.map((entry) => substituteLiteral(entry, variables)));
    const added = option.add.map((entry) => substituteLiteral(entry, variables));
    packages = [...packages, ...added].filter((entry) => !removed.has(entry));
  }
  return { ...environment, contents: { ...environment.contents, packages } };
}

/** The strict pass, with the variables made anew from what they were put into. */
function finish(config: PackageConfig, context: DecodeContext): PackageConfig {
  const variables = fileVariables({ ...config.package, ...config }, []);
  return resolveStrictly(config, variables, (problem) => context.add(problem));
}

function reportVariable(
  problem: VariableProblem,
  config: PackageConfig,
  variables: ReadonlyMap<string, string>,
  report: (problem: Diagnostic) => void,
): void {
  if (problem.kind === 'reference') {
    reportReferences([problem.problem], config.at, problem.path, variables, report);
    return;
  }
  const span = config.at.value(...problem.path);
  const place = span === undefined ? {} : { span };
  if (problem.kind === 'cycle') {
    report(diagnostic(errors, 'CONFIG_VARIABLE_CYCLE', { names: problem.names }, place));
  } else report(diagnostic(errors, 'CONFIG_PATTERN_INVALID', { reason: problem.reason }, place));
}
