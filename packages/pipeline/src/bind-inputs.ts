import { diagnostic, didYouMean } from '@melange2/diagnostics';
import { substitute, type Variables } from '@melange2/config';
import { errors } from './errors.ts';
import { reportSubstitution } from './report-substitution.ts';
import type { CompileContext, StepDraft, StepPass } from './step-draft.ts';

/**
 * Gives every declared input its value: what `with` says, else the default.
 *
 * What `with` says is read in the scope around the step first, so that an input can be handed on under its own
 * name; a default, and what that scope does not know, is read among the step's own inputs. They are resolved in
 * the order they need each other.
 */
export const bindInputs: StepPass = (draft, context) => {
  if (draft.failed) return draft;
  const { step, scope } = draft;
  const before = context.report;
  let failed = false;
  const reporting: CompileContext = {
    ...context,
    report: (problem) => {
      failed = true;
      before(problem);
    },
  };
  if (draft.definition !== undefined) rejectUnknown(draft, reporting);
  if (draft.definition !== undefined && !scope.nested) warnDefaults(draft, context);
  const names = namesOf(step);
  if (names.length === 0) return failed ? { ...draft, failed } : draft;

  const resolved = resolveInputs(draft, names, reporting);
  for (const name of names) checkInput(draft, name, resolved[name] ?? '', reporting);
  const outer = scope.variables;
  const variables: Variables = {
    get: (name) => (name.startsWith('inputs.') ? resolved[name.slice(7)] : undefined) ?? outer.get(name),
  };
  return { ...draft, inputs: resolved, variables, failed };
};

function rejectUnknown(draft: StepDraft, context: CompileContext): void {
  const { written, step } = draft;
  for (const input in written.with) {
    if (Object.hasOwn(step.inputs, input)) continue;
    const known = Object.keys(step.inputs);
    const span = written.at.key('with', input);
    const suggestion = didYouMean(input, known);
    context.report(
      diagnostic(
        errors,
        'PIPELINE_INPUT_UNKNOWN',
        { input, uses: step.uses ?? '', known, suggestion },
        {
          ...(span === undefined ? {} : { span }),
          ...(span === undefined || suggestion === undefined
            ? {}
            : { fix: { title: `rename it to "${suggestion}"`, edits: [{ span, text: suggestion }] } }),
        },
      ),
    );
  }
}

/** Warns of inputs that a build file gives the value they have without it. */
function warnDefaults({ written, step }: StepDraft, context: CompileContext): void {
  for (const input in written.with) {
    const value = written.with[input] ?? '';
    const span = written.at.key('with', input);
    if (value === '' || span === undefined || step.inputs[input]?.default !== value) continue;
    const details = { input, value, uses: step.uses ?? '' };
    context.report(diagnostic(errors, 'PIPELINE_INPUT_DEFAULT', details, { span, severity: 'warning' }));
  }
}

/** The inputs that the pipeline declares, and what `with` gives to a step that has its children already. */
function namesOf(step: StepDraft['step']): readonly string[] {
  const names = Object.keys(step.inputs);
  for (const name in step.with) if (!Object.hasOwn(step.inputs, name)) names.push(name);
  return names;
}

function resolveInputs(
  draft: StepDraft,
  names: readonly string[],
  context: CompileContext,
): Readonly<Record<string, string>> {
  const { written, step, scope } = draft;
  const values: Record<string, string> = {};
  const open: string[] = [];

  const own = (name: string): string | undefined => {
    const input = step.inputs[name];
    if (input === undefined && !Object.hasOwn(written.with, name)) return undefined;
    const done = values[name];
    if (done !== undefined) return done;
    if (open.includes(name)) {
      const span = written.at.value('with', name) ?? input?.at.value('default') ?? written.at.value('uses');
      context.report(
        diagnostic(
          errors,
          'PIPELINE_INPUT_CYCLE',
          { inputs: [...open.slice(open.indexOf(name)), name] },
          span === undefined ? {} : { span },
        ),
      );
      values[name] = '';
      return '';
    }
    open.push(name);
    let value = written.with[name] ?? '';
    if (value.includes('${{')) {
      value = resolveText(
        value,
        (variable) => scope.variables.get(variable) ?? ownVariable(variable),
        () => written.at.origin('with', name),
      );
    }
    // The reference looks at what the build file gives before variables are put in, at what a pipeline file hands
    // on after that.
    if (input !== undefined && (scope.nested ? value : (written.with[name] ?? '')) === '') {
      value = input.default;
      if (value.includes('${{')) {
        value = resolveText(
          value,
          // An input of the same name around this one is not meant by a default, but a default that names itself
          // can mean nothing else.
          (variable) =>
            variable === `inputs.${name}`
              ? scope.variables.get(variable)
              : (ownVariable(variable) ?? scope.variables.get(variable)),
          () => input.at.origin('default'),
        );
      }
    }
    open.pop();
    values[name] ??= value;
    return value;
  };
  const ownVariable = (variable: string): string | undefined =>
    variable.startsWith('inputs.') ? own(variable.slice(7)) : undefined;
  const resolveText = (
    text: string,
    get: Variables['get'],
    origin: () => ReturnType<StepDraft['written']['at']['origin']>,
  ): string => {
    const result = substitute(text, { get });
    if (result.text.length > maxLength) {
      const span = origin()?.span(0, text.length);
      const details = { what: 'the value of an input is longer than', limit: '4 MiB' };
      context.report(diagnostic(errors, 'PIPELINE_LIMIT', details, span === undefined ? {} : { span }));
      return '';
    }
    reportSubstitution(result.problems, text, (start, end) => origin()?.span(start, end), context);
    return result.text;
  };
  for (const name of names) own(name);
  return values;
}

// Values that are put into each other twice and twice again outgrow any memory.
const maxLength = 4 * 1024 * 1024;

interface Rule {
  readonly pattern: RegExp;
  readonly expected: string;
}

// The reference programs know inputs by these names in every pipeline.
const rules: Readonly<Record<string, Rule>> = {
  'expected-sha256': { pattern: /^[0-9a-fA-F]{64}$/, expected: 'a SHA-256 checksum, 64 hexadecimal digits' },
  'expected-sha512': {
    pattern: /^[0-9a-fA-F]{128}$/,
    expected: 'a SHA-512 checksum, 128 hexadecimal digits',
  },
  'expected-commit': { pattern: /^[0-9a-fA-F]{40}$/, expected: 'a commit, 40 hexadecimal digits' },
};

function checkInput(draft: StepDraft, name: string, value: string, context: CompileContext): void {
  const { written, step, scope } = draft;
  const input = step.inputs[name];
  const span = written.at.value('with', name) ?? written.at.value('uses') ?? written.at.value();
  const more = span === undefined ? {} : { span };
  if (value === '') {
    if (input?.required === true && (scope.nested || (written.with[name] ?? '') === '')) {
      const description = input.description.trim().split('\n')[0]?.replace(/\.$/, '') ?? '';
      context.report(
        diagnostic(
          errors,
          'PIPELINE_INPUT_MISSING',
          { input: name, uses: step.uses ?? '', description },
          more,
        ),
      );
    }
    return;
  }
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  if (rule !== undefined && !rule.pattern.test(value)) {
    context.report(
      diagnostic(errors, 'PIPELINE_INPUT_INVALID', { input: name, value, expected: rule.expected }, more),
    );
  }
}
