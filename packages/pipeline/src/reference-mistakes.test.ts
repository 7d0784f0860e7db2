import { parseConfig, type PackageConfig } from '@melange2/config';
import { expect, test } from 'vitest';
import { builtinCatalogue } from './builtin-catalogue.ts';
import { compile } from './compile.ts';
import { pipelineLibrary } from './pipeline-library.ts';
import { plan } from './plan.ts';
import { normaliseScript } from './shell/normalise-script.ts';
import { compiled, compileText, problems, scripts } from './testing/compile-text.ts';

// What the reference programs crash on, lose or get wrong, and what it means here.

const head = 'package: {name: app, version: "1.0", epoch: 0}\n';

test('an input is handed on under its own name, and an inner pipeline may use the names of an outer one', () => {
  const pipelines = {
    outer:
      'inputs: {a: {}, b: {default: "outer b"}}\npipeline:\n  - uses: inner\n    with: {a: "${{inputs.a}}!"}\n',
    inner: 'inputs: {a: {}, b: {default: inner b}}\npipeline:\n  - runs: echo ${{inputs.a}} ${{inputs.b}}\n',
  };
  const text = `${head}pipeline:\n  - uses: outer\n    with: {a: x}\n`;
  expect(scripts(compiled(text, pipelines).steps)).toEqual(['echo x! inner b']);
});

test('conditions of three and more terms, with groups on the right, mean what they say', () => {
  const enabled = (condition: string): boolean | undefined =>
    compiled(`${head}subpackages:\n  - name: s\n    if: ${JSON.stringify(condition)}\n`).subpackages[0]
      ?.enabled;
  expect(enabled(`"a" == "b" || "c" == "d" || "e" == "e"`)).toBe(true);
  expect(enabled(`"a" == "a" && ("b" == "c" || "d" == "d")`)).toBe(true);
  expect(enabled(`"a" == "b" && ("b" == "c" || "d" == "d")`)).toBe(false);
});

test('quotes in a working directory, and line ends in the name of a step, are nothing special', () => {
  const text = `${head}pipeline:\n  - name: "two\\nlines"\n    working-directory: it's here\n    runs: make\n`;
  const { value } = plan(compiled(text), { sourceDateEpoch: 0 });
  expect(value?.steps.map(({ workingDirectory, name }) => [workingDirectory, name])).toEqual([
    ["/home/build/it's here", 'two\nlines'],
  ]);
});

test('the condition of a subpackage sees the variables of the build', () => {
  const text = `${head}subpackages:\n  - name: s\n    if: \${{build.arch}} == 'aarch64'\n`;
  expect(compiled(text, {}, { architecture: 'aarch64' }).subpackages[0]?.enabled).toBe(true);
  expect(compiled(text).subpackages[0]?.enabled).toBe(false);
});

test('a condition that nobody can read is a problem and no crash', () => {
  const text = `${head}subpackages:\n  - name: s\n    if: \${{build.arch}} = 'aarch64'\n`;
  expect(problems(compileText(text).diagnostics)).toEqual([
    `app.yaml:4:25-4:27 CONFIG_CONDITION_INVALID This condition cannot be read: "==" or "!=" must stand here, not "=".`,
  ]);
});

test('the vars of an option are those of the whole file, and it removes a package that stands twice', () => {
  const text = `${head}environment: {contents: {packages: [a, b, b, c]}}
vars: {flavor: plain}
options:
  fancy:
    vars: {flavor: fancy}
    environment: {contents: {packages: {add: ["x-\${{vars.flavor}}"], remove: [b]}}}
pipeline: [{runs: "echo \${{vars.flavor}}"}]
`;
  const { value } = parseConfig(text, 'app.yaml', { buildOptions: ['fancy'] });
  expect(value?.environment.contents.packages).toEqual(['a', 'c', 'x-fancy']);
  expect(value?.pipeline[0]?.runs).toBe('echo fancy');
});

test('a step with an environment within one without is no crash', () => {
  const text = `${head}pipeline:\n  - pipeline:\n      - environment: {A: b}\n        runs: echo\n`;
  expect(compiled(text).steps[0]?.children[0]?.step.environment).toEqual({ A: 'b' });
});

test('a vars file needs no vars in the build file', () => {
  const text = `${head}pipeline: [{runs: "echo \${{vars.a}}"}]\n`;
  const { value } = parseConfig(text, 'app.yaml', { varsFile: { file: 'vars.yaml', text: 'a: b\n' } });
  expect(value?.pipeline[0]?.runs).toBe('echo b');
});

test('conditions that a program puts into a build file are looked at as those of its text are', () => {
  const text = `${head}pipeline: [{runs: x}]\nsubpackages: [{name: b}]\n`;
  const { value } = parseConfig(text, 'app.yaml');
  const told = (change: (config: PackageConfig) => Partial<PackageConfig>): string[] => {
    if (value === undefined) throw new Error('it does not parse');
    const library = pipelineLibrary(builtinCatalogue);
    return problems(compile({ ...value, ...change(value) }, { architecture: 'x86_64', library }).diagnostics);
  };
  expect(told(() => ({}))).toEqual([]);
  expect([
    ...told(({ pipeline }) => ({ pipeline: pipeline.map((step) => ({ ...step, if: 'one' })) })),
    ...told(({ subpackages }) => ({ subpackages: subpackages.map((sub) => ({ ...sub, if: 'one' })) })),
  ]).toMatchInlineSnapshot(`
    [
      "PIPELINE_CONDITION_INVALID The condition \`one\` cannot be read: a text in quotes or a variable must stand here, not "one".",
      "PIPELINE_CONDITION_INVALID The condition \`one\` cannot be read: a text in quotes or a variable must stand here, not "one".",
    ]
  `);
});

test('vars use the package and each other in any order, and a circle is shown', () => {
  const vars = 'vars: {url: "${{vars.site}}/${{package.version}}", site: "https://example.org"}\n';
  expect(scripts(compiled(`${head}${vars}pipeline: [{runs: "echo \${{vars.url}}"}]\n`).steps)).toEqual([
    'echo https://example.org/1.0',
  ]);
  const circle = 'vars: {a: "${{vars.b}}", b: "${{vars.c}}", c: "${{vars.a}}"}\n';
  expect(problems(compileText(`${head}${circle}`).diagnostics)).toEqual([
    'app.yaml:2:11-2:24 CONFIG_VARIABLE_CYCLE These variables need each other: vars.a -> vars.b -> vars.c -> vars.a.',
  ]);
});

test('capabilities of subpackages, and all of an environment, are kept', () => {
  const text = `${head}environment:
  layering: {strategy: origin, budget: 5}
  certificates: {additional: [{name: a, content: b}]}
  contents: {runtime_repositories: [r], runtime_keyring: [{name: k, content: c}]}
subpackages:
  - name: s
    setcap: [{path: /x, add: {cap_net_raw: +ep}, reason: because}]
`;
  const { config } = compiled(text);
  expect(config.subpackages[0]?.setcap.map(({ path }) => path)).toEqual(['/x']);
  expect(config.environment.layering?.budget).toBe(5);
  expect(config.environment.certificates?.additional.map(({ name }) => name)).toEqual(['a']);
  expect(config.environment.contents.runtimeRepositories).toEqual(['r']);
  expect(config.environment.contents.runtimeKeyring.map(({ name }) => name)).toEqual(['k']);
});

test('the pipelines of tests are checked like any other', () => {
  const text = `${head}test:\n  pipeline: [{uses: nope}]\nsubpackages:\n  - {name: s, test: {pipeline: [{runs: "if true"}]}}\n`;
  const found = compileText(text, {}, { normaliseScript });
  expect(found.diagnostics.map(({ code, span }) => `${code} ${span?.start.line}`)).toEqual([
    'PIPELINE_UNKNOWN 3',
    'PIPELINE_SHELL_INVALID 5',
  ]);
});
