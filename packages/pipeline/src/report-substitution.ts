import { diagnostic, didYouMean, type Span } from '@melange2/diagnostics';
import type { SubstitutionProblem } from '@melange2/config';
import { errors } from './errors.ts';
import type { CompileContext } from './step-draft.ts';

/** Most problems told of one text: whoever has so many has them all for one reason. */
const maxPerText = 20;

/** Reports what is wrong with the `${{…}}` of one text. `inputs` are those that may be meant. */
export function reportSubstitution(
  problems: readonly SubstitutionProblem[],
  text: string,
  span: (start: number, end: number) => Span | undefined,
  context: CompileContext,
  inputs: readonly string[] = [],
): void {
  for (const problem of problems.slice(0, maxPerText)) {
    const place = span(problem.start, problem.end);
    const more = place === undefined ? {} : { span: place };
    context.report(
      problem.kind === 'undefined'
        ? diagnostic(
            errors,
            'PIPELINE_VARIABLE_UNKNOWN',
            { name: problem.name, suggestion: suggest(problem.name, inputs, context) },
            more,
          )
        : diagnostic(
            errors,
            'PIPELINE_VARIABLE_MALFORMED',
            { text: text.slice(problem.start, Math.min(problem.end + 3, problem.start + 60)) },
            more,
          ),
    );
  }
}

function suggest(name: string, inputs: readonly string[], context: CompileContext): string | undefined {
  return didYouMean(name, [...inputs.map((input) => `inputs.${input}`), ...context.names()]);
}
