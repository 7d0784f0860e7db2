import { expect, test } from 'vitest';
import { parseConfig, substituteCondition } from './index.ts';

const head = 'package:\n  name: p\n  version: "1"\n  epoch: 0\n';

function codes(text: string): string[] {
  return [...new Set(parseConfig(text, 'a.yaml', { warnings: false }).diagnostics.map(({ code }) => code))];
}

function repeat(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('');
}

test('steps 200 levels deep are read, and 2000 are refused', () => {
  const nested = (depth: number): string =>
    `${head}pipeline:\n${repeat(depth, (i) => `${' '.repeat(2 + i * 4)}- pipeline:\n`)}${' '.repeat(2 + depth * 4)}- runs: x\n`;
  expect(codes(nested(200))).toEqual([]);
  expect(codes(nested(2000))).toEqual(['CONFIG_TOO_DEEP']);
  expect(codes(`${head}pipeline: ${'[{pipeline: '.repeat(20_000)}`)).toEqual(['CONFIG_TOO_DEEP']);
  expect(codes(`${head}pipeline: &a ${'- '.repeat(20_000)}`)).toEqual(['CONFIG_TOO_DEEP']);
});

test('a range over 10,000 items makes 10,000 subpackages', () => {
  const text = `${head}data:\n- name: d\n  items:\n${repeat(10_000, (i) => `    k${i}: v\n`)}subpackages:\n- range: d\n  name: p-\${{range.key}}\n`;
  expect(parseConfig(text, 'a.yaml').value?.subpackages.length).toBe(10_000);
});

test('aliases of aliases are refused before they are written out', { timeout: 60_000 }, () => {
  const steps = repeat(12, (i) => {
    const inner = i === 0 ? '{runs: x}' : Array.from({ length: 10 }, () => `*m${i - 1}`).join(', ');
    return `  - &m${i} {pipeline: [${inner}]}\n`;
  });
  expect(codes(`${head}pipeline:\n${steps}`)).toEqual(['CONFIG_TOO_LARGE']);
});

test('what aliases repeat is counted before it is made, and a few repetitions are fine', () => {
  const step = `  - &s {uses: x, with: {${repeat(200, (i) => `k${i}: v, `)}}}\n`;
  expect(codes(`${head}pipeline:\n${step}${'  - *s\n'.repeat(200)}`)).toEqual([]);
  expect(codes(`${head}pipeline:\n${step}${'  - *s\n'.repeat(400)}`)).toEqual(['CONFIG_TOO_LARGE']);
});

test('a condition of ten thousand terms and twenty thousand vars take no time', () => {
  const terms = repeat(10_000, (i) => `\${{build.arch}} == "a${i}" || `);
  const vars = repeat(20_000, (i) => `  v${i}: x\n`);
  const before = process.cpuUsage();
  expect(codes(`${head}pipeline:\n  - if: ${terms} "a" == "b"\n    runs: x\n`)).toEqual([]);
  expect(substituteCondition(terms, new Map([['build.arch', 'x']])).problems).toEqual([]);
  const config = parseConfig(`${head}vars:\n${vars}`, 'a.yaml');
  expect(config.diagnostics).toHaveLength(1000);
  // Each took more than three seconds when it took the square.
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(3000);
});

test('variables that double each other are refused before they fill the memory', { timeout: 60_000 }, () => {
  const vars = repeat(40, (i) => `  v${i + 1}: "\${{vars.v${i}}}\${{vars.v${i}}}"\n`);
  expect(codes(`${head}vars:\n  v0: "${'a'.repeat(1000)}"\n${vars}`)).toEqual(['CONFIG_TOO_LARGE']);
  const transform = '  - {from: "${{vars.a}}", match: "^(.*)$", replace: "$1$1", to: a}\n';
  expect(codes(`${head}vars: {a: ${'a'.repeat(1000)}}\nvar-transforms:\n${transform.repeat(40)}`)).toEqual([
    'CONFIG_TOO_LARGE',
  ]);
  expect(
    codes(`${head}vars:\n${repeat(5000, (i) => `  v${i}: \${{vars.v${i + 1}}}\n`)}  v5000: x\n`),
  ).toEqual(['CONFIG_TOO_DEEP']);
});

test('texts of a megabyte are read: unclosed variables, quotes, one value full of wrong references', () => {
  expect(codes(`${head}pipeline:\n  - runs: "${'${{'.repeat(330_000)}"\n`)).toEqual([]);
  expect(codes(`${head}  description: "${'\\"'.repeat(500_000)}"\n`)).toEqual([]);
  expect(codes(`${head}environment: {contents: {packages: ["${'${{a}}'.repeat(160_000)}"]}}\n`)).toEqual([
    'CONFIG_VARIABLE_UNDEFINED',
  ]);
  expect(codes(head + repeat(50_000, (i) => `unknown-${i}: 1\n`))).toEqual(['CONFIG_KEY_UNKNOWN']);
});

test('a pattern that runs away elsewhere ends here', () => {
  const text = `${head}vars: {a: "${'a'.repeat(100_000)}"}\nvar-transforms:\n  - {from: "\${{vars.a}}", match: "(a*)*b", replace: x, to: y}\n`;
  expect(codes(text)).toEqual([]);
});
