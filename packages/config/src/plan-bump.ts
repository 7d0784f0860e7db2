import { diagnostic, hasErrors, type Diagnostic, type Parsed, type Span } from '@melange2/diagnostics';
import { buildVariables } from './build-variables.ts';
import { applyEdits, changeEpoch, changeValue, changeVersion, type EditPath } from './edit-build-file.ts';
import { errors } from './errors.ts';
import type { PackageConfig } from './package-config.ts';
import { parseConfig } from './parse-config.ts';
import type { PipelineStep } from './pipeline-step.ts';
import { substitute } from './substitution.ts';

export interface BumpOptions {
  /** The version that the package gets; the one it has raises its epoch. */
  readonly version: string;
  /** The commit that the tags of the new version lead to. */
  readonly expectedCommit?: string;
}

/** A file that a `fetch` of the new version gets, whose checksums are not known yet. */
export interface BumpedSource {
  readonly uri: string;
  readonly checksums: readonly { readonly algorithm: 'sha256' | 'sha512'; readonly path: EditPath }[];
}

export interface BumpPlan {
  /** The build file with its new version, epoch and commits. */
  readonly text: string;
  readonly from: { readonly version: string; readonly epoch: bigint };
  readonly to: { readonly version: string; readonly epoch: bigint };
  readonly sources: readonly BumpedSource[];
  /** The places of commits that belong to the old version and stay, for no new one was given. */
  readonly oldCommits: readonly Span[];
}

/**
 * Gives a package a new version: what changes in its build file, and which files have to be looked at for their
 * checksums. No other byte of the file changes.
 *
 * A new version sets the epoch to 0, the same one raises it. Only the `fetch` steps of the main pipeline are looked
 * at whose address changes, and only the checkouts whose tag does. A checksum or a commit with a variable in it is left.
 */
export function planBump(text: string, file: string, options: BumpOptions): Parsed<BumpPlan> {
  const before = parseConfig(text, file, { warnings: false });
  if (before.value === undefined || hasErrors(before.diagnostics)) return { diagnostics: before.diagnostics };
  const old = before.value;
  const { version, epoch } = old.package;
  const same = version === options.version;
  const edits = same ? changeEpoch(text, epoch + 1n) : changeVersion(text, options.version);
  const bumped = applyEdits(text, edits);
  const after = parseConfig(bumped, file, { warnings: false });
  if (after.value === undefined || hasErrors(after.diagnostics)) return { diagnostics: after.diagnostics };

  // Digits of the version are changed, so that what does not change with them has nothing to do with the version.
  const probe = version.replaceAll(/\d+/g, (digits) => `9${digits}`);
  const other =
    parseConfig(applyEdits(text, changeVersion(text, probe)), file, { warnings: false }).value ?? old;
  const problems: Diagnostic[] = [];
  const sources: BumpedSource[] = [];
  const oldCommits: Span[] = [];
  let result = bumped;
  for (const { path, step } of steps(after.value.pipeline, ['pipeline'])) {
    if (step.uses === 'fetch' && !same) {
      const uri = resolve(after.value, step, 'uri', problems);
      const oldUri = resolve(old, stepAt(old, path), 'uri', []);
      const checksums = (['sha256', 'sha512'] as const).flatMap((algorithm) => {
        const key = `expected-${algorithm}`;
        return isLiteral(bumped, step, key) ? [{ algorithm, path: [...path, 'with', key] }] : [];
      });
      if (uri !== oldUri && checksums.length > 0) sources.push({ uri, checksums });
    }
    if (step.uses === 'git-checkout') {
      const changes =
        resolve(old, stepAt(old, path), 'tag', []) !== resolve(other, stepAt(other, path), 'tag', []);
      const key = 'expected-commit';
      if (!changes || (step.at.value('with', key) !== undefined && !isLiteral(bumped, step, key))) continue;
      if (options.expectedCommit !== undefined) {
        result = applyEdits(result, changeValue(result, [...path, 'with', key], options.expectedCommit));
      } else {
        const place = step.at.value('with', key);
        if (place !== undefined && !same) oldCommits.push(place);
      }
    }
  }
  if (problems.length > 0) return { diagnostics: problems };
  const { version: newVersion, epoch: newEpoch } = after.value.package;
  const value: BumpPlan = {
    text: result,
    from: { version, epoch },
    to: { version: newVersion, epoch: newEpoch },
    sources,
    oldCommits,
  };
  return { value, diagnostics: [] };
}

interface StepPlace {
  readonly path: EditPath;
  readonly step: PipelineStep;
}

function* steps(pipeline: readonly PipelineStep[], path: EditPath): Generator<StepPlace> {
  for (const [i, step] of pipeline.entries()) {
    yield { path: [...path, i], step };
    yield* steps(step.pipeline, [...path, i, 'pipeline']);
  }
}

/** The step at the same place of another reading of the file. */
function stepAt(config: PackageConfig, path: EditPath): PipelineStep | undefined {
  let found: PipelineStep | undefined;
  let pipeline = config.pipeline;
  for (const part of path) {
    if (typeof part !== 'number') continue;
    found = pipeline[part];
    pipeline = found?.pipeline ?? [];
  }
  return found;
}

/** An input with its variables put in. */
function resolve(
  config: PackageConfig,
  step: PipelineStep | undefined,
  name: string,
  problems: Diagnostic[],
): string {
  const text = step?.with[name] ?? '';
  const { main } = buildVariables(config, { arch: 'x86_64', libc: 'gnu' });
  const result = substitute(text, main);
  for (const problem of result.problems) {
    const span = step?.at.origin('with', name)?.span(problem.start, problem.end);
    const details = { name: problem.name, meant: undefined };
    problems.push(
      diagnostic(errors, 'CONFIG_VARIABLE_UNDEFINED', details, span === undefined ? {} : { span }),
    );
  }
  return result.text;
}

/** Whether an input is there and has no variable in it. */
function isLiteral(text: string, step: PipelineStep, key: string): boolean {
  const span = step.at.value('with', key);
  if (span === undefined || (step.with[key] ?? '') === '') return false;
  return !text.slice(span.start.offset, span.end.offset).includes('${{');
}
