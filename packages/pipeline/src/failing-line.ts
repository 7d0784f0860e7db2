import type { Span } from '@melange2/diagnostics';
import type { PlannedStep } from './build-plan.ts';

// dash: `/bin/sh: 3: x: not found`; bash: `/bin/sh: line 3: x: command not found`; busybox: as bash.
// A long script is a file, whose name stands first or second.
const message =
  /^(?:\/bin\/sh: (?:\/\.melange2-script\/script: )?|\/\.melange2-script\/script: )(?:line )?(\d+): /;

/**
 * Finds the place of the line that a failed step stopped at, if its shell said so in what it printed last.
 *
 * A command that fails by itself leaves no line number; then there is no answer.
 */
export function failingLine(step: PlannedStep, lastLines: readonly string[]): Span | undefined {
  for (const line of lastLines.toReversed()) {
    const number = message.exec(line)?.[1];
    if (number !== undefined) return step.placeOfLine?.(Number(number));
  }
  return undefined;
}
