import type { StepPass } from './step-draft.ts';

/**
 * Reduces `with` to the inputs whose value differs from the text of their default, and drops the inputs.
 *
 * A default with variables in it differs from its own text. Of a step in the build file that gives no input at
 * all nothing is left.
 */
export const reduceWith: StepPass = (draft) => {
  const { step, scope, inputs } = draft;
  if (draft.failed) return draft;
  const given = step.with;
  const reduced: Record<string, string> = {};
  if (scope.nested || hasKeys(given)) {
    for (const name in inputs) {
      const value = inputs[name];
      if (value !== undefined && value !== step.inputs[name]?.default) reduced[name] = value;
    }
    for (const name in given) {
      if (!Object.hasOwn(inputs, name)) reduced[name] = given[name] ?? '';
    }
  }
  return { ...draft, step: { ...step, with: reduced, inputs: {} } };
};

function hasKeys(record: Readonly<Record<string, unknown>>): boolean {
  for (const _ in record) return true;
  return false;
}
