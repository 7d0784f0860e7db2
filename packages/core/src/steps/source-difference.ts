import type { PlannedStep } from '@melange2/pipeline';
import type { SourceDifference } from '../errors.ts';

// What the scripts of fetch and git-checkout print.
const printed =
  /^\[(?:fetch|git checkout)\] (?:FAIL )?(?<source>.+) has another (?<kind>commit|sha256|sha512): expected (?<expected>[0-9a-f]+), found (?<found>[0-9a-f]+)$/;
// What the daemon says of a download: the found one first.
const said = /digest mismatch sha256:(?<found>[0-9a-f]{64}): sha256:(?<expected>[0-9a-f]{64})/;

const ofNothing = 'digest mismatch sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855:';

/** Whether the daemon says of a download that it was of nothing: what many servers send with an error. */
export function isNothing(text: string): boolean {
  return text.includes(ofNothing);
}

/** How a source differs from what the build file pins, when that is why this step failed: `text` is the daemon's. */
export function sourceDifference(
  step: PlannedStep,
  text: string,
  tail: readonly string[],
): SourceDifference | undefined {
  if (!['fetch', 'git-checkout'].includes(step.uses.at(-1) ?? '')) return undefined;
  for (const line of tail.toReversed()) {
    const groups = printed.exec(line)?.groups;
    if (groups === undefined) continue;
    const { source = '', kind, expected = '', found = '' } = groups;
    return { source, kind: kind as SourceDifference['kind'], expected, found };
  }
  const groups = said.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { expected = '', found = '' } = groups;
  // The daemon does not look at the status: it takes what comes with an error for the file.
  if (isNothing(text)) return undefined;
  return { source: step.inputs['uri'] ?? '', kind: 'sha256', expected, found };
}
