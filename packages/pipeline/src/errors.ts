import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  PIPELINE_UNKNOWN: {
    readonly uses: string;
    readonly where: string;
    readonly suggestion: string | undefined;
  };
  PIPELINE_NAME_REFUSED: { readonly uses: string };
  PIPELINE_CYCLE: { readonly chain: readonly string[] };
  PIPELINE_INPUT_UNKNOWN: {
    readonly input: string;
    readonly uses: string;
    readonly known: readonly string[];
    readonly suggestion: string | undefined;
  };
  PIPELINE_INPUT_MISSING: {
    readonly input: string;
    readonly uses: string;
    readonly description: string;
  };
  PIPELINE_INPUT_INVALID: {
    readonly input: string;
    readonly value: string;
    readonly expected: string;
  };
  PIPELINE_INPUT_CYCLE: { readonly inputs: readonly string[] };
  PIPELINE_INPUT_DEFAULT: { readonly input: string; readonly value: string; readonly uses: string };
  PIPELINE_VARIABLE_UNKNOWN: { readonly name: string; readonly suggestion: string | undefined };
  PIPELINE_VARIABLE_MALFORMED: { readonly text: string };
  PIPELINE_CONDITION_INVALID: { readonly condition: string; readonly problem: string };
  PIPELINE_SHELL_INVALID: { readonly problem: string };
  PIPELINE_LIMIT: { readonly what: string; readonly limit: string };
  PIPELINE_ASSERTION_FAILED: {
    readonly step: string;
    readonly required: number;
    readonly ran: number;
  };
}

/** What can be wrong with the pipelines of a build file. */
export const errors: ErrorCatalogue<Details> = {
  PIPELINE_UNKNOWN: {
    title: 'There is no such pipeline',
    message: ({ uses, where }) => `There is no pipeline "${uses}" in ${where}.`,
    hint: ({ suggestion }) =>
      suggestion === undefined
        ? 'Run `melange2 pipelines` for the ones that are built in, or give the folder of your own with --pipeline-dir.'
        : `Did you mean "${suggestion}"?`,
  },
  PIPELINE_NAME_REFUSED: {
    title: 'The name of a pipeline leads out of its folder',
    message: ({ uses }) =>
      `"${uses}" is no name of a pipeline: it must be a path below a pipeline folder, without ".." and without a slash at its start.`,
  },
  PIPELINE_CYCLE: {
    title: 'A pipeline uses itself',
    message: ({ chain }) => `The pipeline "${chain.at(-1) ?? ''}" uses itself: ${chain.join(' uses ')}.`,
  },
  PIPELINE_INPUT_UNKNOWN: {
    title: 'A pipeline has no such input',
    message: ({ input, uses }) => `The pipeline "${uses}" has no input "${input}".`,
    hint: ({ suggestion, known }) =>
      suggestion !== undefined
        ? `Did you mean "${suggestion}"?`
        : known.length === 0
          ? 'It has no inputs at all.'
          : `Its inputs are ${known.join(', ')}.`,
  },
  PIPELINE_INPUT_MISSING: {
    title: 'A required input is missing',
    message: ({ input, uses, description }) =>
      `The pipeline "${uses}" needs the input "${input}"${description === '' ? '' : ` (${description})`}, which is missing or empty.`,
    hint: ({ input }) => `Add "${input}" to the \`with\` of the step.`,
  },
  PIPELINE_INPUT_INVALID: {
    title: 'An input has a wrong value',
    message: ({ input, value, expected }) => `"${input}" must be ${expected}, but is "${value}".`,
  },
  PIPELINE_INPUT_CYCLE: {
    title: 'Inputs refer to each other in a circle',
    message: ({ inputs }) => `These inputs need each other's values: ${inputs.join(' needs ')}.`,
  },
  PIPELINE_INPUT_DEFAULT: {
    title: 'An input with the value it has anyway',
    message: ({ input, value, uses }) =>
      `The input "${input}" of "${uses}" is ${JSON.stringify(value)} also without this line.`,
  },
  PIPELINE_VARIABLE_UNKNOWN: {
    title: 'A variable is not defined',
    message: ({ name }) => `The variable "${name}" is not defined here.`,
    hint: ({ suggestion }) => (suggestion === undefined ? undefined : `Did you mean "${suggestion}"?`),
  },
  PIPELINE_VARIABLE_MALFORMED: {
    title: 'A reference to a variable cannot be read',
    message: ({ text }) =>
      `"${text}" is no reference to a variable: write \${{name}}, with letters, digits, ".", "-" and "_" in the name.`,
  },
  PIPELINE_CONDITION_INVALID: {
    title: 'A condition cannot be read',
    message: ({ condition, problem }) => `The condition \`${condition}\` cannot be read: ${problem}.`,
  },
  PIPELINE_SHELL_INVALID: {
    title: 'A script is no valid shell text',
    message: ({ problem }) => `The shell cannot read this script: ${problem}.`,
  },
  PIPELINE_LIMIT: {
    title: 'A build file grows beyond a limit',
    message: ({ what, limit }) => `Here ${what} ${limit}; no build file means to do that.`,
  },
  PIPELINE_ASSERTION_FAILED: {
    title: 'Another number of steps would run than asserted',
    message: ({ step, required, ran }) =>
      `"${step}" asserts that ${required} of its steps run, but ${ran} would: the conditions of the others do not hold.`,
  },
};
