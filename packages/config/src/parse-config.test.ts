import { formatPlace, type Diagnostic } from '@melange2/diagnostics';
import { expect, test } from 'vitest';
import { parseConfig, parsePipelineFile, type PackageConfig } from './index.ts';

const head = 'package:\n  name: hello\n  version: 1.10\n  epoch: 2\n';

function problems(text: string): string[] {
  return parseConfig(text, 'a.yaml', { warnings: false }).diagnostics.map(shown);
}

function shown(problem: Diagnostic): string {
  return `${problem.span === undefined ? '' : formatPlace(problem.span)} ${problem.code}`;
}

function read(text: string): PackageConfig {
  const { value, diagnostics } = parseConfig(text, 'a.yaml');
  expect(diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
  if (value === undefined) throw new Error('not read');
  return value;
}

test('texts are taken as they are written, numbers too', () => {
  const { package: main } = read(`${head}  description: 0x10\n  url: ~\n`);
  expect([main.version, main.epoch, main.description, main.url]).toEqual(['1.10', 2n, '0x10', '']);
});

test('every problem of a file is reported in one run, in the order of places', () => {
  const text = 'package:\n  nam: hello\n  version: [1]\n  epoch: -1\npipelin:\n  - runs: x\n';
  expect(problems(text)).toEqual([
    'a.yaml:1:1 CONFIG_NAME_INVALID',
    'a.yaml:2:3 CONFIG_KEY_UNKNOWN',
    'a.yaml:3:12 CONFIG_TYPE_WRONG',
    'a.yaml:4:10 CONFIG_TYPE_WRONG',
    'a.yaml:5:1 CONFIG_KEY_UNKNOWN',
  ]);
});

test('a misspelt key comes with the one that was meant, as an edit', () => {
  const { diagnostics } = parseConfig(`${head}pipelines:\n  - runs: x\n`, 'a.yaml');
  expect(diagnostics[0]?.message).toBe('There is no key "pipelines" in BuildFile. Did you mean "pipeline"?');
  expect(diagnostics[0]?.fix?.edits.map(({ text }) => text)).toEqual(['pipeline']);
});

test('a key that stands twice shows where it stood first', () => {
  const { diagnostics } = parseConfig(`${head}vars:\n  a: 1\n  a: 2\n`, 'a.yaml');
  expect(diagnostics.map(shown)).toContain('a.yaml:7:3 CONFIG_KEY_DUPLICATE');
  expect(diagnostics.flatMap((d) => d.related ?? []).map(({ span }) => formatPlace(span))).toEqual([
    'a.yaml:6:3',
  ]);
});

test('a range makes one subpackage for each item, in the order of the keys', () => {
  const config = read(
    `${head}data:\n  - name: d\n    items: {b: two, a: one}\nsubpackages:\n  - range: d\n    name: hello-\${{range.key}}\n    description: \${{range.value}} of \${{package.name}}\n`,
  );
  expect(config.subpackages.map(({ name, description, range }) => [name, description, range?.key])).toEqual([
    ['hello-a', 'one of hello', 'a'],
    ['hello-b', 'two of hello', 'b'],
  ]);
});

test('vars resolve in the order they need each other, and a circle is shown', () => {
  const config = read(
    `${head}vars:\n  c: \${{vars.b}}!\n  b: \${{vars.a}}\n  a: \${{package.version}}\npipeline:\n  - runs: \${{vars.c}}\n`,
  );
  expect(config.pipeline[0]?.runs).toBe('1.10!');
  const { diagnostics } = parseConfig(`${head}vars:\n  a: \${{vars.b}}\n  b: \${{vars.a}}\n`, 'a.yaml');
  expect(diagnostics.map(({ message }) => message)).toContain(
    'These variables need each other: vars.a -> vars.b -> vars.a.',
  );
});

test('dependencies know only variables of the file, and say which one is wrong', () => {
  const text = `${head}  dependencies:\n    runtime:\n      - a-\${{package.name}}-\${{build.arch}}\n`;
  const { diagnostics } = parseConfig(text, 'a.yaml');
  expect(diagnostics.map(shown)).toEqual(['a.yaml:7:29 CONFIG_VARIABLE_UNDEFINED']);
});

test('a variable may be an operand of a condition, or stand in quotes', () => {
  const config = read(
    `${head}vars: {a: x}\npipeline:\n  - if: \${{vars.a}} == 'x'\n  - if: "'\${{vars.a}}' == 'x'"\n`,
  );
  expect(config.pipeline.map((step) => step.if)).toEqual([`"x" == 'x'`, `'x' == 'x'`]);
});

test('a pattern that RE2 does not read is refused at its place', () => {
  const text = `${head}var-transforms:\n  - from: a\n    match: (?=a)\n    replace: b\n    to: c\n`;
  expect(problems(text)).toEqual(['a.yaml:7:12 CONFIG_PATTERN_INVALID']);
});

test('a child step inherits the directory and the environment of its parent', () => {
  const config = read(
    `${head}pipeline:\n  - working-directory: /w\n    environment: {A: 1, B: 2}\n    pipeline:\n      - runs: x\n        environment: {B: 3}\n`,
  );
  const child = config.pipeline[0]?.pipeline[0];
  expect([child?.workingDirectory, { ...child?.environment }]).toEqual(['/w', { A: '1', B: '3' }]);
});

test('the origin of a text leads through variables, folding and indentation back to the file', () => {
  const text = `${head}pipeline:\n  - runs: |\n      echo \${{package.name}}\n      make -C \${{package.version}} all\n`;
  const step = read(text).pipeline[0];
  expect(step?.runs).toBe('echo hello\nmake -C 1.10 all\n');
  const origin = step?.at.origin('runs');
  const at = (word: string): string => {
    const start = step?.runs?.indexOf(word) ?? 0;
    const span = origin?.span(start, start + word.length);
    return text.slice(span?.start.offset, span?.end.offset);
  };
  expect(['echo', 'hello', 'make', '-C', '1.10', 'all'].map(at)).toEqual([
    'echo',
    '${{package.name}}',
    'make',
    '-C',
    '${{package.version}}',
    'all',
  ]);
});

test('an unfinished alias bomb, a deep nesting and a huge range end with a code', () => {
  const bomb = Array.from(
    { length: 30 },
    (_, i) => `  a${i}: &a${i} [${i === 0 ? 'x' : `*a${i - 1}, *a${i - 1}`}]`,
  );
  expect(problems(`${head}data: [{name: a, items: {}}]\nvars:\n${bomb.join('\n')}\n`).join()).toContain(
    'CONFIG_',
  );
  expect(problems(`package: ${'['.repeat(20_000)}`).join()).toContain('CONFIG_TOO_DEEP');
});

test('a pipeline file is not strict, and what it does not have is absent', () => {
  const { value, diagnostics } = parsePipelineFile(
    'name: Fetch it\nunknown: 1\ninputs:\n  uri: {required: true}\npipeline:\n  - runs: wget ${{inputs.uri}}\n',
    'fetch.yaml',
  );
  expect(diagnostics).toEqual([]);
  expect(value?.inputs['uri']?.required).toBe(true);
  expect([value?.name, value?.runs, value?.pipeline[0]?.runs]).toEqual([
    'Fetch it',
    undefined,
    'wget ${{inputs.uri}}',
  ]);
});

test('a vars file lies over the vars, and env files under the environment', () => {
  const { value } = parseConfig(
    `${head}environment:\n  environment: {A: file}\npipeline:\n  - runs: \${{vars.x}}\n`,
    'a.yaml',
    {
      varsFile: { file: 'v.yaml', text: 'x: 1.50\n' },
      envFiles: [
        { file: 'e', text: 'A=env\nexport B="b\\n" # no\n' },
        { file: 'f', text: "B=later\nC='$B'\nHOME=/root\n" },
      ],
    },
  );
  expect(value?.pipeline[0]?.runs).toBe('1.50');
  const { A, B, C, HOME } = value?.environment.environment ?? {};
  expect([A, B, C, HOME]).toEqual(['file', 'b\n', '$B', '/root']);
});

test('an option that is switched on sets variables everywhere and changes the packages', () => {
  const text = `${head}options:\n  o:\n    vars: {v: on}\n    environment: {contents: {packages: {add: ["x-\${{vars.v}}"], remove: [b]}}}\nvars: {v: off}\nenvironment: {contents: {packages: [a, b, c]}}\npipeline:\n  - runs: \${{vars.v}}\n`;
  const { value } = parseConfig(text, 'a.yaml', { buildOptions: ['o'] });
  expect(value?.environment.contents.packages).toEqual(['a', 'c', 'x-on']);
  expect(value?.pipeline[0]?.runs).toBe('on');
});

test('faults of the YAML are told once a line, in plain words, with the change that mends them', () => {
  const told = (text: string): string[] =>
    parseConfig(head + text, 'a.yaml').diagnostics.map(
      ({ span, message, fix }) =>
        `${span?.start.line}:${span?.start.column} ${message.replace('This is not valid YAML: ', '')}${fix === undefined ? '' : ` (${fix.edits.map((edit) => edit.text).join()})`}`,
    );
  expect(
    [
      '\turl: x\n',
      '  url: a: b\n',
      '  url: "a\n  commit: x\n',
      ' url: x\n',
      '  url @x\n',
      '  url: @x\n',
      'pipeline: [a\nvars: x\n',
    ].flatMap(told),
  ).toEqual([
    '5:1 a tab indents this line, and only blanks may. (  )',
    '5:8 a text with ": " in it must stand in quotes. (\'a: b\')',
    '5:8 the closing " of this text is missing.',
    '5:2 this line is indented by 1 blank, which fits no line above it.',
    '5:3 this is no key, for a ":" is missing behind it.',
    '5:8 a text that begins with "@" must stand in quotes. (\'@x\')',
    '6:1 a ] is missing before this.',
  ]);
});

test('variables inside of brackets want quotes, and what follows is not told', () => {
  const text = `${head}pipeline: [{runs: echo \${{package.name}}}]\nvars: {a: b}\n`;
  const told = parseConfig(text, 'a.yaml').diagnostics.map(({ message, span }) => [
    span?.start.column,
    message,
  ]);
  expect(told).toEqual([
    [24, 'This is not valid YAML: a text with "${{" inside of brackets must stand in quotes.'],
  ]);
});

test('files with Windows line ends mean the same, and keep their places', () => {
  const text = `${head}pipeline:\n  - runs: |\n      echo \${{package.name}}\n\n      make all\n    name: "a\n      b"\n`;
  const windows = text.replaceAll('\n', '\r\n');
  const step = read(windows).pipeline[0];
  expect([step?.runs, step?.name]).toEqual(['echo hello\n\nmake all\n', 'a b']);
  const at = step?.runs?.indexOf('make') ?? 0;
  const span = step?.at.origin('runs')?.span(at, at + 8);
  expect(windows.slice(span?.start.offset, span?.end.offset)).toBe('make all');
});

test('the version of the package may be made of a var, for all that refers to it', () => {
  const text = `package: {name: a, version: "\${{vars.v}}", url: "x/\${{package.full-version}}"}
vars: {v: 1.2.3}
var-transforms: [{from: "\${{package.version}}", match: '\\.\\d+$', replace: '', to: short}]
pipeline: [{name: "\${{vars.short}}"}]
`;
  const { package: main, pipeline } = read(text);
  expect([main.version, main.url, pipeline[0]?.name]).toEqual(['1.2.3', 'x/1.2.3-r0', '1.2']);
});

test('brackets that close at the beginning of a line are read, whatever the line ends', () => {
  const text = 'package: {\nname: a,\nversion: "1"\n}\nvars:\n  a: "b\nc"\n  d: |\n    e\n     f\n';
  for (const lineEnd of ['\n', '\r\n', '\r']) {
    const { value, diagnostics } = parseConfig(text.replaceAll('\n', lineEnd), 'x.yaml', { warnings: false });
    expect(diagnostics).toEqual([]);
    expect({ name: value?.package.name, ...value?.vars }).toEqual({ name: 'a', a: 'b c', d: 'e\n f\n' });
  }
});

test('tags of keys count', () => {
  const read = (key: string) => parseConfig(`vars: {${key}: x}`, 'x.yaml', { warnings: false });
  expect({ ...read('!!binary aGk=').value?.vars }).toEqual({ hi: 'x' });
  expect(read('!!int x').diagnostics.map(({ code }) => code)).toContain('CONFIG_TYPE_WRONG');
});

test('the origin of a condition leads back to its variable, also when that was put in quoted', () => {
  const text = `${head}pipeline:\n  - if: \${{package.name}} != 'x' && \${{build.arch}} == 'y'\n`;
  const step = read(text).pipeline[0];
  const at = step?.if?.indexOf('${{build') ?? 0;
  const span = step?.at.origin('if')?.span(at, at + 15);
  expect(text.slice(span?.start.offset, span?.end.offset)).toBe('${{build.arch}}');
});
