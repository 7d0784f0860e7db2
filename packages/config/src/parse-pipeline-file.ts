import type { Parsed } from '@melange2/diagnostics';
import { DecodeContext } from './decode.ts';
import { SourceText } from './node-places.ts';
import type { PipelineStep } from './pipeline-step.ts';
import { readDocument } from './read-document.ts';
import { stepType } from './step-definition.ts';
import { warnPipelineFile } from './warn-config.ts';
import { isNull } from './yaml-node.ts';

export interface PipelineFileOptions {
  /** Whether inputs that nothing reads are reported. Default false. */
  readonly warnings?: boolean;
}

/**
 * Reads a pipeline definition, the file that a `uses:` names.
 *
 * Unknown keys are ignored, as the references do. Nothing is substituted. A key that is absent or null is
 * `undefined` (or empty), so that the file can be laid over the step that uses it.
 */
export function parsePipelineFile(
  text: string,
  file: string,
  options: PipelineFileOptions = {},
): Parsed<PipelineStep> {
  const source = new SourceText(file, text);
  const document = readDocument(source);
  if (document.root === undefined) return { diagnostics: document.diagnostics };
  const context = new DecodeContext(source, { strict: false });
  const root = isNull(document.root) ? { ...noKeys } : document.root;
  const value = stepType.decode(root, context);
  if (options.warnings === true && value !== undefined) {
    warnPipelineFile(value, source.text, (problem) => context.add(problem));
  }
  return { ...(value === undefined ? {} : { value }), diagnostics: context.problems };
}

const noKeys = {
  kind: 'map',
  start: 0,
  end: 0,
  keys: [],
  values: [],
  flow: true,
  tag: undefined,
} as const;
