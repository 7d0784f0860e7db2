import { count, emptyRecord, list, mapOf, objectType, rawText, text, truth } from './decode.ts';
import type { DecodeContext, ObjectType, ValueType } from './decode.ts';
import { parseCondition } from './condition.ts';
import type { Needs, PipelineAssertions, PipelineInput, PipelineStep } from './pipeline-step.ts';
import { noPlaces } from './places.ts';
import { substituteLiteralCondition, substituteLiteral } from './substitution.ts';
import { resolved, type YamlNode } from './yaml-node.ts';

const textMap = mapOf(text, '');

const input: ObjectType<PipelineInput> = objectType<PipelineInput>(
  'PipelineInput',
  'An input of a pipeline file.',
  (at) => ({ description: '', default: '', required: false, at }),
  [
    ['description', 'description', rawText, 'What the input is for.'],
    ['default', 'default', rawText, 'Its value when a step gives none.'],
    ['required', 'required', truth, 'Whether a step must give it.'],
  ],
);

/** An input of which only the name is given. */
const bareInput: PipelineInput = { description: '', default: '', required: false, at: noPlaces };

const needs: ObjectType<Needs> = objectType<Needs>(
  'Needs',
  'What a step needs.',
  (at) => ({ packages: [], at }),
  [['packages', 'packages', list(text), 'Packages added to the build environment.']],
);

const assertions: ObjectType<PipelineAssertions> = objectType<PipelineAssertions>(
  'PipelineAssertions',
  'What must be true after a step.',
  (at) => ({ requiredSteps: 0, at }),
  [
    [
      'required-steps',
      'requiredSteps',
      count(-(2n ** 63n), 2n ** 63n - 1n, 'a whole number'),
      'How many of the direct children must have run.',
    ],
  ],
);

/**
 * The text of an `if`. Where putting a value in as it is makes no condition, the value is put in quoted, so
 * that a variable may be an operand.
 */
export const conditionText: ValueType<string> = {
  schema: { type: ['string', 'null'] },
  decode: (node, context) => {
    const raw = rawText.decode(node, context);
    if (raw === undefined || raw === '') return raw;
    const plain = substituteLiteral(raw, context.variables);
    const parsed = parseCondition(plain);
    if (parsed.problem === undefined) return plain;
    if (plain !== raw) {
      const quoted = substituteLiteralCondition(raw, context.variables);
      if (parseCondition(quoted).problem === undefined) return quoted;
    }
    reportCondition(raw, node, context, parsed.problem.message);
    return plain;
  },
};

function reportCondition(raw: string, node: YamlNode, context: DecodeContext, reason: string): void {
  const at = resolved(node);
  const own = parseCondition(raw).problem;
  const place =
    own === undefined || at.kind !== 'scalar' || at.style !== 'plain' || at.text.length !== at.end - at.start
      ? node
      : { start: at.start + own.start, end: at.start + Math.max(own.end, own.start + 1) };
  context.report('CONFIG_CONDITION_INVALID', { condition: raw, reason: own?.message ?? reason }, place);
}

const steps: ValueType<readonly PipelineStep[]> = {
  schema: { type: ['array', 'null'], items: { $ref: '#/$defs/PipelineStep' } },
  refers: () => [stepType],
  decode: (node, context) => list(stepType).decode(node, context),
};

/** How a step is written, in a build file and in a pipeline file. */
export const stepType: ObjectType<PipelineStep> = objectType<PipelineStep>(
  'PipelineStep',
  'One step: shell text, a reference to a pipeline file, or a group of steps.',
  (at) => ({
    if: undefined,
    name: undefined,
    uses: undefined,
    with: emptyRecord(),
    runs: undefined,
    pipeline: [],
    inputs: emptyRecord(),
    needs: undefined,
    label: undefined,
    assertions: undefined,
    workingDirectory: undefined,
    environment: emptyRecord(),
    at,
  }),
  [
    ['if', 'if', conditionText, "The step runs when this holds: ${{build.arch}} == 'x86_64'."],
    ['name', 'name', text, 'Name to show.'],
    ['uses', 'uses', rawText, 'Pipeline file to run, such as "fetch" or "autoconf/make".'],
    ['with', 'with', textMap, 'Inputs of the pipeline file.'],
    ['runs', 'runs', text, 'Shell text to run.'],
    ['pipeline', 'pipeline', steps, 'Steps inside this one; they inherit its directory and environment.'],
    ['inputs', 'inputs', mapOf(input, bareInput), 'Inputs that a pipeline file takes.'],
    ['needs', 'needs', needs, 'What the step needs in the build environment.'],
    ['label', 'label', rawText, 'A name for tools.'],
    ['assertions', 'assertions', assertions, 'What must be true after the step.'],
    ['working-directory', 'workingDirectory', text, 'Directory to run in, from /home/build.'],
    ['environment', 'environment', textMap, 'Variables of the step.'],
  ],
);

/** A list of steps. */
export const stepsType: ValueType<readonly PipelineStep[]> = steps;
