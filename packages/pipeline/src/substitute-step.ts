import { diagnostic } from '@melange2/diagnostics';
import { parseCondition, substitute, substituteCondition, substituteTraced } from '@melange2/config';
import { errors } from './errors.ts';
import { normaliseTemplate, type PrintedTemplates } from './normalise-template.ts';
import { reportSubstitution } from './report-substitution.ts';
import {
  placesOf,
  type CompileContext,
  type NormaliseScript,
  type StepDraft,
  type StepPass,
} from './step-draft.ts';

/** Puts the variables into `needs`, `working-directory` and `runs`. Names, labels and variables of steps have none. */
export const substituteStep: StepPass = (draft, context) => {
  if (draft.failed) return draft;
  const { step } = draft;
  const text = (value: string | undefined, ...path: readonly [string, ...(string | number)[]]) =>
    value === undefined ? undefined : substituted(draft, context, value, path);
  const workingDirectory = text(step.workingDirectory, 'working-directory') || draft.scope.workingDirectory;
  const runs = text(step.runs, 'runs');
  const needs =
    step.needs === undefined || !step.needs.packages.some((name) => name.includes('${{'))
      ? step.needs
      : {
          ...step.needs,
          packages: step.needs.packages.map((name, i) => text(name, 'needs', 'packages', i) ?? ''),
        };
  return { ...draft, script: runs, step: { ...step, needs, workingDirectory, runs } };
};

function substituted(
  draft: StepDraft,
  context: CompileContext,
  value: string,
  path: readonly [string, ...(string | number)[]],
): string {
  if (!value.includes('${{')) return value;
  const result = substitute(value, draft.variables);
  // What a step inherits from the one around it stands there, and has been told of there.
  const inherited =
    draft.scope.nested &&
    path[0] === 'working-directory' &&
    placesOf(draft, path[0]).key(path[0]) === undefined;
  if (result.problems.length > 0 && !inherited) {
    const origin = placesOf(draft, path[0]).origin(...path);
    const inputs = Object.keys(draft.inputs);
    reportSubstitution(result.problems, value, (start, end) => origin?.span(start, end), context, inputs);
  }
  return result.text;
}

/** Prints the script anew, without comments, if there is something to do that; the original is kept beside it. */
export const normaliseRuns: StepPass = (draft, context) => {
  const { runs } = draft.step;
  if (draft.failed || runs === undefined || runs === '' || context.normaliseScript === undefined)
    return draft;
  // A variable that is still there was not known, which has been told. What is around it is checked all the same.
  if (runs.includes('${{')) {
    const result = context.normaliseScript(
      runs.replaceAll(/\$\{\{[^{}]*\}\}/g, (name) => 'x'.repeat(name.length)),
    );
    if ('problem' in result && !result.problem.includes('${{')) reportScript(draft, result, context);
    return draft;
  }
  const ofFile = draft.scope.uses.length > 0 || draft.definition !== undefined;
  const result = ofFile
    ? printOfFile(draft, runs, context.normaliseScript, context.library.printed)
    : context.normaliseScript(runs);
  if ('text' in result) return { ...draft, step: { ...draft.step, runs: result.text } };
  reportScript(draft, result, context);
  return draft;
};

function reportScript(
  draft: StepDraft,
  { problem, offset }: { readonly problem: string; readonly offset: number },
  context: CompileContext,
): void {
  const span = scriptOrigin(draft)?.span(offset, offset + 1);
  const place = span === undefined ? {} : { span };
  context.report(diagnostic(errors, 'PIPELINE_SHELL_INVALID', { problem }, place));
}

/** Prints a script of a pipeline file, by what was printed of the file before. */
function printOfFile(
  draft: StepDraft,
  runs: string,
  normalise: NormaliseScript,
  printed: PrintedTemplates,
): ReturnType<NormaliseScript> {
  const template = draft.definition?.step.runs ?? draft.written.runs ?? '';
  const text = normaliseTemplate(template, draft.variables, normalise, printed) ?? printed.get(runs);
  if (text !== undefined) return { text };
  const result = normalise(runs);
  if ('text' in result && printed.size < maxPrinted) printed.set(runs, result.text);
  return result;
}

const maxPrinted = 20_000;

/** The origin of the substituted script of a step. */
export function scriptOrigin(draft: StepDraft): ReturnType<StepDraft['written']['at']['origin']> {
  const raw = draft.definition?.step.runs ?? draft.written.runs;
  const origin = placesOf(draft, 'runs').origin('runs');
  if (raw === undefined || origin === undefined || !raw.includes('${{')) return origin;
  const { text, map } = substituteTraced(raw, draft.variables);
  return origin.through(text, map);
}

/** Puts the variables into `if`, quoted, and reads it. */
export const readCondition: StepPass = (draft, context) => {
  const { step } = draft;
  if (draft.failed || step.if === undefined || step.if === '') return draft;
  const result = substituteCondition(step.if, draft.variables);
  const origin = (): ReturnType<StepDraft['written']['at']['origin']> => placesOf(draft, 'if').origin('if');
  if (result.problems.length > 0) {
    const inputs = Object.keys(draft.inputs);
    // The reader of build files has told of those in them that are none because of a variable that is none.
    const ofFile = draft.scope.uses.length === 0 && draft.definition?.step.if === undefined;
    if (ofFile && step.at.value('if') !== undefined && parseCondition(step.if).problem !== undefined)
      return draft;
    reportSubstitution(result.problems, step.if, (start, end) => origin()?.span(start, end), context, inputs);
    return draft;
  }
  const { condition, problem } = parseCondition(result.text);
  if (problem !== undefined) {
    // The reader of build files has told of those in them.
    if (draft.scope.uses.length === 0 && draft.definition?.step.if === undefined && step.at.value('if'))
      return draft;
    // Offsets in the text that variables were put into mean nothing in the file.
    const span =
      result.text === step.if
        ? origin()?.span(problem.start, problem.end)
        : placesOf(draft, 'if').value('if');
    context.report(
      diagnostic(
        errors,
        'PIPELINE_CONDITION_INVALID',
        { condition: result.text, problem: problem.message },
        span === undefined ? {} : { span },
      ),
    );
    return draft;
  }
  return { ...draft, condition, step: { ...step, if: result.text } };
};
