import type { ErrorCatalogue } from '@melange2/diagnostics';

export interface Details {
  CONFIG_YAML_INVALID: { reason: string };
  CONFIG_EMPTY: { file: string };
  CONFIG_TOO_DEEP: { reason: string };
  CONFIG_TOO_LARGE: { limit: string };
  CONFIG_ALIAS_INVALID: { reason: string };
  CONFIG_MERGE_INVALID: { found: string };
  CONFIG_KEY_UNKNOWN: {
    key: string;
    where: string;
    known: readonly string[];
    meant: string | undefined;
  };
  CONFIG_KEY_DUPLICATE: { key: string };
  CONFIG_TYPE_WRONG: { wanted: string; found: string };
  CONFIG_NAME_INVALID: { what: string; name: string };
  CONFIG_NAME_DUPLICATE: { name: string; other: string };
  CONFIG_VERSION_MISSING: Record<string, never>;
  CONFIG_PRIORITY_INVALID: { field: string; value: string };
  CONFIG_STEP_CONFLICT: { problem: string };
  CONFIG_CONDITION_INVALID: { condition: string; reason: string };
  CONFIG_CPE_INVALID: { reason: string };
  CONFIG_SETCAP_INVALID: { reason: string };
  CONFIG_RANGE_UNKNOWN: { range: string; known: readonly string[]; meant: string | undefined };
  CONFIG_VARIABLE_UNDEFINED: { name: string; meant: string | undefined };
  CONFIG_VARIABLE_MALFORMED: { name: string };
  CONFIG_VARIABLE_CYCLE: { names: readonly string[] };
  CONFIG_PATTERN_INVALID: { reason: string };
  CONFIG_ENV_FILE_INVALID: { reason: string };
  CONFIG_EDIT_IMPOSSIBLE: { path: string; reason: string };
  CONFIG_TEMPLATE_INVALID: { reason: string };
  CONFIG_TEMPLATE_FAILED: { reason: string };
  CONFIG_VAR_UNUSED: { name: string };
  CONFIG_RANGE_UNUSED: { name: string };
  CONFIG_OPTION_UNUSED: { name: string };
  CONFIG_INPUT_UNUSED: { name: string };
  CONFIG_CHECK_UNKNOWN: { name: string; meant: string | undefined };
  CONFIG_ARCHITECTURE_ALL: Record<string, never>;
  CONFIG_ARCHITECTURE_UNKNOWN: { name: string; meant: string | undefined };
  CONFIG_CONDITION_NEVER: { name: string };
  CONFIG_USES_IGNORED: { uses: string };
  CONFIG_BASEIMAGE_IGNORED: { image: string };
  CONFIG_CAPABILITIES_IGNORED: { names: readonly string[] };
  CONFIG_FETCH_UNCHECKED: Record<string, never>;
  CONFIG_CHECKOUT_UNPINNED: { name: string; value: string };
  CONFIG_PLAIN_HTTP: { address: string };
}

const keys = (known: readonly string[]): string => known.map((key) => `"${key}"`).join(', ');

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  CONFIG_YAML_INVALID: {
    title: 'The file is not valid YAML',
    message: ({ reason }) => `This is not valid YAML: ${reason.replace(/\.$/, '')}.`,
  },
  CONFIG_EMPTY: {
    title: 'A file is empty',
    message: ({ file }) => `${file} has no content.`,
    hint: () => 'A build file needs at least "package" with "name" and "version".',
  },
  CONFIG_TOO_DEEP: {
    title: 'The file is nested too deep',
    message: ({ reason }) => `The file is ${reason}. Take levels out.`,
  },
  CONFIG_TOO_LARGE: {
    title: 'The file stands for too much',
    message: ({ limit }) =>
      `With its aliases and ranges the file stands for more than ${limit}. Split it, or take aliases of aliases out.`,
  },
  CONFIG_ALIAS_INVALID: {
    title: 'An alias has no anchor',
    message: ({ reason }) => `This alias cannot be followed: ${reason}.`,
  },
  CONFIG_MERGE_INVALID: {
    title: 'A merge key has no mapping',
    message: ({ found }) => `"<<" takes a mapping or a list of mappings, and this is ${found}.`,
  },
  CONFIG_KEY_UNKNOWN: {
    title: 'An unknown key',
    message: ({ key, where, meant }) =>
      `There is no key "${key}" in ${where}.${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
    hint: ({ where, known, meant }) =>
      meant === undefined ? `The keys of ${where} are ${keys(known)}.` : undefined,
  },
  CONFIG_KEY_DUPLICATE: {
    title: 'A key twice in one mapping',
    message: ({ key }) => `The key "${key}" stands twice in one mapping. Keep one of the two.`,
  },
  CONFIG_TYPE_WRONG: {
    title: 'A value of a wrong kind',
    message: ({ wanted, found }) =>
      `${wanted.charAt(0).toUpperCase()}${wanted.slice(1)} must stand here, and this is ${found}.`,
  },
  CONFIG_NAME_INVALID: {
    title: 'A package name that apk cannot hold',
    message: ({ what, name }) =>
      name === ''
        ? `The name of the ${what} is missing.`
        : `"${name}" is no name for a ${what}: it must begin with a letter or digit, and have only letters, digits, "+", "_", "." and "-".`,
  },
  CONFIG_NAME_DUPLICATE: {
    title: 'Two packages with one name',
    message: ({ name, other }) =>
      `"${name}" is also the name of the ${other}. Every package of a file needs a name of its own.`,
  },
  CONFIG_VERSION_MISSING: {
    title: 'The version is missing',
    message: () => 'The package has no version. Add "version" to "package".',
  },
  CONFIG_PRIORITY_INVALID: {
    title: 'A priority that is no number',
    message: ({ field, value }) => `"${field}" must be a whole number, and this is "${value}".`,
  },
  CONFIG_STEP_CONFLICT: {
    title: 'A step with keys that exclude each other',
    message: ({ problem }) => problem,
  },
  CONFIG_CONDITION_INVALID: {
    title: 'A condition that cannot be read',
    message: ({ reason }) => `This condition cannot be read: ${reason}.`,
    hint: () => `A condition is like "\${{build.arch}} == 'x86_64' && \${{vars.a}} != 'b'".`,
  },
  CONFIG_CPE_INVALID: {
    title: 'A CPE that is none',
    message: ({ reason }) => `This is no valid CPE: ${reason}.`,
  },
  CONFIG_SETCAP_INVALID: {
    title: 'File capabilities that cannot be given',
    message: ({ reason }) => reason,
  },
  CONFIG_RANGE_UNKNOWN: {
    title: 'A range without data',
    message: ({ range, meant }) =>
      `There is no "data" entry named "${range}".${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
    hint: ({ known, meant }) =>
      meant !== undefined
        ? undefined
        : known.length === 0
          ? 'The file has no "data".'
          : `The names in "data" are ${keys(known)}.`,
  },
  CONFIG_VARIABLE_UNDEFINED: {
    title: 'A variable that does not exist here',
    message: ({ name, meant }) =>
      `There is no variable "${name}" here.${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
  },
  CONFIG_VARIABLE_MALFORMED: {
    title: 'A variable that is not closed or has no name',
    message: ({ name }) =>
      name === ''
        ? 'This variable has no name: write ${{name}} with letters, digits, ".", "-" and "_".'
        : `This variable is not closed: write \${{${name}}}.`,
  },
  CONFIG_VARIABLE_CYCLE: {
    title: 'Variables that need each other',
    message: ({ names }) => `These variables need each other: ${names.map((n) => `vars.${n}`).join(' -> ')}.`,
  },
  CONFIG_PATTERN_INVALID: {
    title: 'A pattern that RE2 does not read',
    message: ({ reason }) => `This pattern cannot be used: ${reason}.`,
    hint: () => 'Patterns are RE2 expressions: they have no lookaround and no back references.',
  },
  CONFIG_ENV_FILE_INVALID: {
    title: 'An env file that cannot be read',
    message: ({ reason }) => `This is no line of an env file: ${reason}.`,
  },
  CONFIG_EDIT_IMPOSSIBLE: {
    title: 'A change that cannot be made in the file',
    message: ({ path, reason }) =>
      path === '' ? `The file cannot be changed: ${reason}.` : `"${path}" cannot be changed: ${reason}.`,
  },
  CONFIG_TEMPLATE_INVALID: {
    title: 'A template that cannot be read',
    message: ({ reason }) => `The template cannot be read: ${reason}.`,
  },
  CONFIG_TEMPLATE_FAILED: {
    title: 'A template that went wrong',
    message: ({ reason }) => `The template went wrong here: ${reason}.`,
  },
  CONFIG_VAR_UNUSED: {
    title: 'A variable that nothing uses',
    message: ({ name }) => `Nothing in this file uses \${{vars.${name}}}.`,
    hint: () => 'Take it out, unless a pipeline file of yours reads it.',
  },
  CONFIG_RANGE_UNUSED: {
    title: 'Data that no range uses',
    message: ({ name }) => `No subpackage has "range: ${name}".`,
  },
  CONFIG_OPTION_UNUSED: {
    title: 'An option without effect',
    message: ({ name }) =>
      `The option "${name}" changes nothing, and nothing asks for \${{options.${name}.enabled}}.`,
  },
  CONFIG_INPUT_UNUSED: {
    title: 'An input that nothing reads',
    message: ({ name }) => `Nothing in this pipeline reads \${{inputs.${name}}}.`,
  },
  CONFIG_CHECK_UNKNOWN: {
    title: 'A check that does not exist',
    message: ({ name, meant }) =>
      `There is no check "${name}" to disable.${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
    hint: ({ meant }) => (meant === undefined ? '"melange2 lint --list" lists the checks.' : undefined),
  },
  CONFIG_ARCHITECTURE_ALL: {
    title: 'An architecture named "all"',
    message: () =>
      'Without "target-architecture" a package is built for every architecture; "all" is deprecated. Take it out.',
  },
  CONFIG_ARCHITECTURE_UNKNOWN: {
    title: 'An architecture that no build has',
    message: ({ name, meant }) =>
      `"${name}" is no architecture in apk's spelling, so nothing is built for it.${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
  },
  CONFIG_CONDITION_NEVER: {
    title: 'A condition that can never hold',
    message: ({ name }) => `This condition never holds, so "${name}" is never made.`,
  },
  CONFIG_USES_IGNORED: {
    title: 'A step with "uses" and steps of its own',
    message: ({ uses }) => `This step has steps of its own, so the pipeline "${uses}" is not loaded.`,
  },
  CONFIG_BASEIMAGE_IGNORED: {
    title: 'A base image that is not used',
    message: ({ image }) =>
      `The environment is made of packages alone, so ${image} is not used. Name the packages that are needed of it.`,
  },
  CONFIG_CAPABILITIES_IGNORED: {
    title: 'Capabilities that steps do not get',
    message: ({ names }) =>
      `Steps get what BuildKit gives them, so ${names.join(', ')} changes nothing. The usual capabilities are those of steps that run as root ("environment.accounts.run-as: root"); more than these, and all rights with them, come with "melange2 build --allow security.insecure".`,
  },
  CONFIG_FETCH_UNCHECKED: {
    title: 'A download without checksum',
    message: () => 'What is fetched here is not checked. Add "expected-sha256" or "expected-sha512".',
  },
  CONFIG_CHECKOUT_UNPINNED: {
    title: 'A checkout that can change',
    message: ({ name, value }) =>
      `The ${name} "${value}" can be moved to other sources at any time. Add "expected-commit".`,
  },
  CONFIG_PLAIN_HTTP: {
    title: 'An address without encryption',
    message: ({ address }) => `${address} is fetched without encryption. Use https.`,
  },
};
