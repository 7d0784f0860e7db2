import { expect, test } from 'vitest';
import { builtConfig } from './compile.ts';
import { normaliseScript } from './shell/normalise-script.ts';
import { compiled, compileText, problems, scripts } from './testing/compile-text.ts';

const head = 'package:\n  name: app\n  version: "1.2"\n  epoch: 3\n';

test('variables are put into scripts, and characters keep their place in the file', () => {
  const { steps } = compiled(
    `${head}pipeline:\n  - runs: |\n      echo \${{package.name}} \${{targets.destdir}}\n      echo two\n`,
  );
  const [step] = steps;
  expect(step?.script).toBe('echo app /home/build/melange-out/app\necho two\n');
  const at = step?.script?.indexOf('two') ?? 0;
  const span = step?.scriptOrigin()?.span(at, at + 3);
  expect([span?.start.line, span?.start.column, span?.end.column]).toEqual([8, 12, 15]);
});

test('a pipeline gets its inputs, with defaults, and its needs go into the environment', () => {
  const { steps, packages, config } = compiled(
    `${head}environment:\n  contents:\n    packages: [a]\npipeline:\n  - uses: greet\n    with:\n      who: you\n`,
    {
      greet:
        'needs:\n  packages: ["${{inputs.tool}}", b]\ninputs:\n  who: {required: true}\n  tool: {default: t}\npipeline:\n  - runs: ${{inputs.tool}} ${{inputs.who}}\n',
    },
  );
  expect(scripts(steps)).toEqual(['t you']);
  expect(packages).toEqual(['a', 't', 'b']);
  expect(config.environment.contents.packages).toEqual(packages);
  expect(config.pipeline[0]?.with).toEqual({ who: 'you' });
});

test('an input can be handed on under its own name, and defaults may need each other in any order', () => {
  const { steps } = compiled(`${head}pipeline:\n  - uses: outer\n    with: {x: given}\n`, {
    outer:
      'inputs:\n  x: {default: d}\n  a: {default: "a-${{inputs.b}}"}\n  b: {default: "b-${{inputs.c}}"}\n  c: {default: "c"}\npipeline:\n  - uses: inner\n    with: {x: "${{inputs.x}}"}\n  - runs: echo ${{inputs.a}}\n',
    inner: 'inputs:\n  x: {default: inner}\npipeline:\n  - runs: echo ${{inputs.x}}\n',
  });
  expect(scripts(steps)).toEqual(['echo given', 'echo a-b-c']);
});

test('folders and conditions are inherited; what does not run needs nothing', () => {
  const { steps, packages } = compiled(
    `${head}pipeline:\n  - working-directory: sub\n    pipeline:\n      - runs: pwd\n      - runs: pwd\n        working-directory: /other\n  - if: \${{build.arch}} == 'riscv64'\n    uses: needy\n`,
    { needy: 'needs: {packages: [n]}\nruns: x\n' },
  );
  expect(steps[0]?.children.map((c) => c.step.workingDirectory)).toEqual(['sub', '/other']);
  expect(packages).toEqual([]);
});

test('a test gets the package it is about, its own packages and the needs of its steps, sorted', () => {
  const { test: main, subpackages } = compiled(
    `${head}subpackages:\n  - name: app-doc\n    test:\n      pipeline:\n        - runs: echo \${{context.name}}\ntest:\n  environment:\n    contents:\n      packages: [zlib, curl]\n  pipeline:\n    - uses: strip\n`,
  );
  expect(main?.environment.contents.packages).toEqual(['app', 'binutils', 'curl', 'scanelf', 'zlib']);
  expect(subpackages[0]?.test?.environment.contents.packages).toEqual(['app-doc']);
  expect(scripts(subpackages[0]?.test?.steps ?? [])).toEqual(['echo app-doc']);
});

test('a subpackage whose condition does not hold is told apart, and left out of what is built', () => {
  const result = compiled(
    `${head}subpackages:\n  - name: a\n    if: \${{build.arch}} == 'x86_64'\n  - name: b\n    if: \${{build.arch}} == 'aarch64'\n`,
  );
  expect(result.subpackages.map((s) => [s.name, s.enabled])).toEqual([
    ['a', true],
    ['b', false],
  ]);
  expect(result.config.subpackages.map((s) => s.name)).toEqual(['a', 'b']);
  expect(builtConfig(result).subpackages.map((s) => s.name)).toEqual(['a']);
});

test('all problems are reported, each at its place, also in pipeline files', () => {
  const { value, diagnostics } = compileText(
    `${head}pipeline:
  - uses: fetsh
  - uses: ../etc/passwd
  - uses: fetch
    with:
      url: x
      expected-sha256: abc
  - runs: echo \${{pakage.name}} \${{ vars.x
  - uses: broken
  - if: one == 'two'
    runs: x
`,
    { broken: 'pipeline:\n  - runs: |\n      echo ${{inputs.nope}}\n' },
  );
  expect(value).toBeUndefined();
  expect(problems(diagnostics).map((p) => p.replaceAll(/ in (\S+, )?built-in pipelines/g, '')))
    .toMatchInlineSnapshot(`
      [
        "app.yaml:6:11-6:16 PIPELINE_UNKNOWN There is no pipeline "fetsh".",
        "app.yaml:7:11-7:24 PIPELINE_NAME_REFUSED "../etc/passwd" is no name of a pipeline: it must be a path below a pipeline folder, without ".." and without a slash at its start.",
        "app.yaml:8:11-8:16 PIPELINE_INPUT_MISSING The pipeline "fetch" needs the input "uri" (The address of the file. Its last part is the name the file gets), which is missing or empty.",
        "app.yaml:10:7-10:10 PIPELINE_INPUT_UNKNOWN The pipeline "fetch" has no input "url".",
        "app.yaml:11:24-11:27 PIPELINE_INPUT_INVALID "expected-sha256" must be a SHA-256 checksum, 64 hexadecimal digits, but is "abc".",
        "app.yaml:12:16-12:32 PIPELINE_VARIABLE_UNKNOWN The variable "pakage.name" is not defined here.",
        "app.yaml:12:33-12:43 PIPELINE_VARIABLE_MALFORMED "\${{ vars.x" is no reference to a variable: write \${{name}}, with letters, digits, ".", "-" and "_" in the name.",
        "app.yaml:14:9-14:12 CONFIG_CONDITION_INVALID This condition cannot be read: a text in quotes or a variable must stand here, not "one".",
        "pipelines/broken.yaml:3:12-3:28 PIPELINE_VARIABLE_UNKNOWN The variable "inputs.nope" is not defined here.",
      ]
    `);
});

test('a wrong folder that steps inherit is told once, where it stands', () => {
  const text =
    'package: {name: a, version: 1, epoch: 0}\npipeline:\n  - working-directory: ${{vars.>m}}\n    pipeline: [{runs: make}, {uses: autoconf/make}]\n';
  expect(problems(compileText(text).diagnostics)).toEqual([
    'app.yaml:3:24-3:32 PIPELINE_VARIABLE_MALFORMED "${{vars.>m}" is no reference to a variable: write ${{name}}, with letters, digits, ".", "-" and "_" in the name.',
  ]);
});

test('a pipeline that uses itself is refused, straight or through others', () => {
  const pipelines = {
    a: 'pipeline:\n  - uses: b\n',
    b: 'pipeline:\n  - pipeline:\n      - uses: a\n',
  };
  const { diagnostics } = compileText(`${head}pipeline:\n  - uses: a\n`, pipelines);
  expect(problems(diagnostics)).toEqual([
    'pipelines/b.yaml:3:15-3:16 PIPELINE_CYCLE The pipeline "a" uses itself: a uses b uses a.',
  ]);
});

test('inputs that need each other are refused', () => {
  const pipelines = {
    a: 'inputs:\n  x: {default: "${{inputs.y}}"}\n  y: {default: "${{inputs.x}}"}\nruns: x\n',
  };
  const { diagnostics } = compileText(`${head}pipeline:\n  - uses: a\n`, pipelines);
  expect(diagnostics.map((d) => d.message)).toEqual([
    "These inputs need each other's values: x needs y needs x.",
  ]);
});

test('what is printed can be compiled again, and comes out the same', () => {
  const first = compiled(`${head}pipeline:\n  - uses: autoconf/make-install\n    with: {dir: sub}\n`);
  expect(first.config.pipeline[0]).toMatchObject({
    uses: 'autoconf/make-install',
    with: { dir: 'sub' },
    inputs: {},
    pipeline: [{ runs: expect.stringContaining('make -C "sub" install') }, {}],
  });
});

test('a script that the shell cannot read is reported where it is written', () => {
  const { diagnostics } = compileText(
    `${head}pipeline:\n  - runs: |\n      echo \${{package.name}}\n      if true\n`,
    {},
    { normaliseScript: (script) => ({ problem: '"if" has no "fi"', offset: script.indexOf('if true') }) },
  );
  expect(problems(diagnostics)).toEqual([
    'app.yaml:8:7-8:8 PIPELINE_SHELL_INVALID The shell cannot read this script: "if" has no "fi".',
  ]);
});

test('what grows without end is stopped by a limit', () => {
  const doubling = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`p${i}`, `pipeline:\n  - uses: p${i + 1}\n  - uses: p${i + 1}\n`]),
  );
  const steps = compileText(`${head}pipeline:\n  - uses: p0\n`, { ...doubling, p40: 'runs: x\n' });
  expect(steps.diagnostics.map((d) => d.message)).toEqual([
    'Here there are more steps than 100,000; no build file means to do that.',
  ]);
  const growing = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [
      `p${i}`,
      `inputs: {x: {default: ""}}\npipeline:\n  - uses: p${i + 1}\n    with: {x: "\${{inputs.x}}\${{inputs.x}}"}\n`,
    ]),
  );
  const texts = compileText(`${head}pipeline:\n  - uses: p0\n    with: {x: abc}\n`, {
    ...growing,
    p40: 'inputs: {x: {}}\nruns: x\n',
  });
  expect(texts.diagnostics.map((d) => d.code)).toContain('PIPELINE_LIMIT');
});

test('many subpackages, each with a problem, take time in proportion', () => {
  const items = Array.from({ length: 3000 }, (_, i) => `      k${i}: "${i}"\n`).join('');
  const { diagnostics } = compileText(
    `${head}data:\n  - name: d\n    items:\n${items}subpackages:\n  - range: d\n    name: app-\${{range.key}}\n    pipeline:\n      - runs: echo \${{targets.package.nope}} \${{inputs.\${{range.key}}}}\n`,
  );
  expect(diagnostics.length).toBeGreaterThan(0);
});

test('around a variable that there is not, the shell is checked all the same', () => {
  const text =
    'package: {name: a, version: 1, epoch: 0}\npipeline:\n  - runs: |\n      echo ${{vars.no}}\n      done\n';
  expect(
    compileText(text, {}, { normaliseScript }).diagnostics.map(({ code, span }) => [code, span?.start]),
  ).toEqual([
    ['PIPELINE_VARIABLE_UNKNOWN', { line: 4, column: 12, offset: 74 }],
    ['PIPELINE_SHELL_INVALID', { line: 5, column: 7, offset: 93 }],
  ]);
});

test('an input that a pipeline of a folder does not read is told once, where it is declared', () => {
  const text =
    'package: {name: a, version: 1, epoch: 0}\npipeline: [{uses: own, with: {a: b}}, {uses: own, with: {a: c}}]\n';
  const own = 'inputs:\n  a: {}\n  b: {}\npipeline: [{runs: "echo ${{inputs.a}}"}]\n';
  expect(problems(compileText(text, { own }).diagnostics)).toEqual([
    'pipelines/own.yaml:3:3-3:4 CONFIG_INPUT_UNUSED Nothing in this pipeline reads ${{inputs.b}}.',
  ]);
});

test('each package of an environment is traced to where it is asked for', () => {
  const text = `package: {name: a, version: 1, epoch: 0}
vars: {gcc: gcc-12}
environment:
  contents:
    packages:
      - busybox
      -
      - \${{vars.gcc}}
pipeline:
  - uses: own
subpackages:
  - name: b
    pipeline:
      - pipeline:
          - needs: {packages: [jq]}
            runs: jq
test:
  environment: {contents: {packages: [curl]}}
  pipeline: [{uses: own}]
`;
  const own = 'needs: {packages: [make]}\npipeline: [{runs: make}]\n';
  const { packages, placeOfPackage, test: tests } = compiled(text, { own });
  expect(packages.map((entry) => [entry, placeOfPackage(entry)?.start.line])).toEqual([
    ['busybox', 6],
    ['gcc-12', 8],
    ['make', 10],
    ['jq', 15],
  ]);
  expect(placeOfPackage('vim')).toBeUndefined();
  const wanted = tests?.environment.contents.packages.map((e) => [e, tests.placeOfPackage(e)?.start.line]);
  expect(wanted).toEqual([
    ['a', undefined],
    ['curl', 18],
    ['make', 19],
  ]);
});
