/** A way in which we differ on purpose; docs/compat/compile.md has the reasons under the same headings. */
export interface Difference {
  readonly kind: string;
  readonly rows: ReadonlySet<string>;
}

const errors = (...names: readonly string[]): ReadonlySet<string> =>
  new Set(names.map((name) => `errors ${name}`));

export const differences: readonly Difference[] = [
  {
    kind: 'Conditions take variables with and without quotes',
    rows: new Set([
      'melange examples/conditional.yaml',
      'melange2 examples/conditional.yaml',
      ...errors(
        "if:'${{build.arch}}' == 'x86_64'",
        'if:"${{build.arch}}" == \'x86_64\'',
        "if:${{package.name}} == 'p'",
        'if-input-quoted-in-uses',
        'sub-if-package-unquoted',
        'range-if-unquoted',
      ),
    ]),
  },
  {
    kind: 'Conditions are read wherever they stand',
    rows: errors('if-syntax-error-under-false', 'sub-if-syntax-error'),
  },
  {
    kind: 'Vars may refer to the package and to each other',
    rows: errors(
      'transform-from-var-with-var',
      'vars-refer-package',
      'vars-in-description',
      'transform-from-description',
    ),
  },
  {
    kind: 'Transforms hold for every field of dependencies',
    rows: errors('sub-priority-spaced-var', 'priority-from-transform-spaced', 'transform-in-replaces-spaced'),
  },
  {
    kind: 'Nothing of a subpackage or an environment is lost',
    rows: errors(
      'setcap-subpackage-bad-lost',
      'setcap-subpackage-ok-lost',
      'env-layering',
      'env-certificates',
      'env-runtime-repositories',
      'env-runtime-keyring-objects',
    ),
  },
  {
    kind: 'Build options take effect',
    rows: errors(
      'option-on',
      'option-on-vars-spaced',
      'option-on-no-vars-block',
      'option-remove-middle',
      'option-remove-adjacent-duplicates',
    ),
  },
  {
    kind: 'Inputs are checked after variables are put in',
    rows: errors('fetch-sha256-var-spaced'),
  },
  {
    kind: 'Valid YAML is read',
    rows: errors('file-tab-on-blank-line', 'file-yaml-directive-12', 'anchor-names-odd'),
  },
];
