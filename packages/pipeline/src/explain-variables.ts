import type { Span } from '@melange2/diagnostics';
import type { PackageConfig, Subpackage, Variables } from '@melange2/config';

/** A variable of a text: its value, and where that is from. */
export interface ExplainedValue {
  readonly name: string;
  /** `undefined` when there is no such variable here. */
  readonly value: string | undefined;
  /** Where the value is from, for people: `vars`, `the package`, `the build`, `var-transforms: "a" -> "b"`. */
  readonly from: string;
  /** Where in the build file, if it is from there. */
  readonly place?: Span;
  /** The variables that the value was made from. */
  readonly values: readonly ExplainedValue[];
}

export interface VariableScope {
  readonly config: PackageConfig;
  readonly subpackage: Subpackage | undefined;
  readonly variables: Variables;
}

/** Most steps from a variable to what it was made from. */
const maxDepth = 20;

/** The variables in a text of a build file, each once, with where their values are from. */
export function explainVariables(text: string, scope: VariableScope, depth = 0): readonly ExplainedValue[] {
  const names = new Set([...text.matchAll(/\$\{\{\s*([^{}\s]+)\s*\}\}/g)].map(([, name = '']) => name));
  return depth > maxDepth ? [] : [...names].map((name) => explainVariable(name, scope, depth));
}

function explainVariable(name: string, scope: VariableScope, depth: number): ExplainedValue {
  const { config, subpackage, variables } = scope;
  const value = variables.get(name);
  const [group = '', ...rest] = name.split('.');
  const key = rest.join('.');
  const known = { name, value, values: [] };
  switch (group) {
    case 'range': {
      const entry = config.data.find((data) => data.name === subpackage?.range?.name);
      const item = subpackage?.range?.key ?? '';
      const place = entry === undefined ? undefined : (entry.at.key('items', item) ?? entry.at.value());
      const from = `the range "${subpackage?.range?.name ?? ''}"`;
      return { ...known, value: key === 'key' ? item : entry?.items[item], from, ...at(place) };
    }
    case 'vars':
      return explainVar(key, known, scope, depth);
    case 'package': {
      const made = key === 'full-version' ? ['package.version', 'package.epoch'] : [];
      const values = made.map((part) => explainVariable(part, scope, depth + 1));
      const place = key === 'srcdir' ? undefined : config.at.value('package', key);
      return { ...known, values, from: place === undefined ? 'the package' : 'package', ...at(place) };
    }
    case 'options':
      return { ...known, from: 'the build options that are switched on' };
    case 'inputs':
      return { ...known, from: 'the inputs of a pipeline' };
    default:
      return { ...known, from: 'the build' };
  }
}

function explainVar(
  key: string,
  known: Pick<ExplainedValue, 'name' | 'value'>,
  scope: VariableScope,
  depth: number,
): ExplainedValue {
  const { config } = scope;
  const index = config.varTransforms.findLastIndex(({ to }) => to === key);
  const transform = config.varTransforms[index];
  if (transform !== undefined) {
    const values = explainVariables(transform.from, scope, depth + 1);
    const rule = `var-transforms: "${transform.match}" -> "${transform.replace}"`;
    return { ...known, from: rule, values, ...at(config.at.value('var-transforms', index)) };
  }
  const written = config.vars[key];
  if (written === undefined) return { ...known, from: 'nowhere', values: [] };
  const place = config.at.value('vars', key);
  const values = explainVariables(written, scope, depth + 1);
  return {
    ...known,
    from: place === undefined ? 'the vars file or a build option' : 'vars',
    values,
    ...at(place),
  };
}

function at(place: Span | undefined): { readonly place?: Span } {
  return place === undefined ? {} : { place };
}
