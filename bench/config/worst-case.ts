import { spawnSync } from 'node:child_process';
import { parseConfig } from '@melange2/config';
import { hasErrors } from '@melange2/diagnostics';
import { builtinCatalogue, compile, normaliseScript, pipelineLibrary } from '@melange2/pipeline';

// Build files made to be slow or to fill the memory, each at a size and at four times that size, each in a process of
// its own: time has to grow no faster than the input, memory has to stay below 512 MiB, or a limit has to refuse it.
// node --conditions=x-source bench/config/worst-case.ts [NAME]

const head = 'package:\n  name: p\n  version: "1"\n  epoch: 0\n';

function repeat(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('');
}

/** A file of about `size` units of its kind; at four units a file is as large as the limits of the project say. */
const inputs: Readonly<Record<string, (size: number) => string>> = {
  'a megabyte of steps': (n) =>
    `${head}pipeline:\n${repeat(n * 7000, (i) => `  - runs: make target-${i}\n`)}`,
  'one script of a megabyte': (n) =>
    `${head}pipeline:\n  - runs: |\n${repeat(n * 5000, (i) => `      install -Dm644 file-${i} "\${{targets.destdir}}"\n`)}`,
  'a script of one line': (n) => `${head}pipeline:\n  - runs: "${'a $(b) '.repeat(n * 35_000)}"\n`,
  'a script of nested ifs': (n) =>
    `${head}pipeline:\n  - runs: |\n${repeat(n * 40, (i) => `      ${' '.repeat(i)}if true; then\n`)}      :\n${repeat(n * 40, () => '      fi\n')}`,
  'here-documents': (n) =>
    `${head}pipeline:\n  - runs: |\n${repeat(n * 5000, (i) => `      cat <<E${i} > f\n      text $x\n      E${i}\n`)}`,
  'a megabyte of comments': (n) => head + repeat(n * 12_000, () => '# a comment of some length\n'),
  'a flow list of one line': (n) =>
    `${head}environment: {contents: {packages: [${repeat(n * 25_000, (i) => `pkg-${i}, `)}]}}\n`,
  'unknown keys': (n) => head + repeat(n * 15_000, (i) => `unknown-${i}: 1\n`),
  'unknown variables': (n) =>
    `${head}pipeline:\n${repeat(n * 6000, (i) => `  - runs: echo \${{vars.unknown-${i}}}\n`)}`,
  'unclosed variables': (n) => `${head}pipeline:\n  - runs: "${'${{'.repeat(n * 80_000)}"\n`,
  'unclosed flow collections': (n) => `${head}pipeline: ${'[{pipeline: '.repeat(n * 5000)}`,
  'unclosed quote': (n) => `${head}  description: "${'a b\n  '.repeat(n * 45_000)}`,
  'vars that use each other': (n) =>
    `${head}vars:\n  v0: x\n${repeat(n * 5000, (i) => `  v${i + 1}: \${{vars.v${i % 50}}}-\${{package.version}}\n`)}`,
  'vars that double each other': (n) =>
    `${head}vars:\n  v0: "${'a'.repeat(1000)}"\n${repeat(n * 20, (i) => `  v${i + 1}: "\${{vars.v${i}}}\${{vars.v${i}}}"\n`)}`,
  'subpackages by range': (n) =>
    `${head}data:\n- name: d\n  items:\n${repeat(n * 2500, (i) => `    k${i}: v\n`)}subpackages:\n- range: d\n  name: p-\${{range.key}}\n  pipeline:\n  - uses: split/dev\n  - runs: echo \${{range.value}}\n`,
  'twenty ranges over the same items': (n) =>
    `${head}data:\n- name: d\n  items: {${repeat(n * 500, (i) => `k${i}: v, `)}}\nsubpackages:\n${repeat(20, (i) => `- range: d\n  name: p${i}-\${{range.key}}\n`)}`,
  'steps 200 levels deep': (n) =>
    `${head}pipeline:\n${repeat(n * 50, (i) => `${' '.repeat(2 + i * 2)}- pipeline:\n`)}${' '.repeat(2 + n * 100)}- runs: x\n`,
  'aliases of aliases': (n) =>
    `${head}pipeline:\n${repeat(n * 3, (i) => `  - &m${i} {pipeline: [${i === 0 ? '{runs: x}' : `*m${i - 1}, `.repeat(10)}]}\n`)}`,
  'merges of merges': (n) =>
    `${head}x0: &m0 {a: b}\n${repeat(n * 3, (i) => `x${i + 1}: &m${i + 1} {<<: [${`*m${i}, `.repeat(10)}]}\n`)}`,
  'a long condition': (n) =>
    `${head}pipeline:\n  - if: ${repeat(n * 4000, (i) => `\${{build.arch}} == "a${i}" || `)} "a" == "b"\n    runs: x\n`,
  'a pattern that runs away elsewhere': (n) =>
    `${head}vars: {a: "${'a'.repeat(n * 25_000)}"}\nvar-transforms:\n  - {from: "\${{vars.a}}", match: "(a*)*b", replace: x, to: y}\n`,
};

interface Outcome {
  readonly bytes: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
  readonly code: string;
}

const [wanted, size] = process.argv.slice(2);
if (size !== undefined) measure(wanted ?? '', Number(size));
else for (const name of Object.keys(inputs)) if (wanted === undefined || wanted === name) compare(name);

/** Runs one input in this process. */
function measure(name: string, units: number): void {
  const text = inputs[name]?.(units) ?? '';
  const before = process.cpuUsage();
  const parsed = parseConfig(text, 'a.yaml');
  let problems = parsed.diagnostics;
  if (parsed.value !== undefined) {
    const library = pipelineLibrary(builtinCatalogue);
    const compiled = compile(parsed.value, { architecture: 'x86_64', library, normaliseScript });
    problems = problems.concat(compiled.diagnostics);
  }
  const { user, system } = process.cpuUsage(before);
  const outcome: Outcome = {
    bytes: text.length,
    cpuMs: (user + system) / 1000,
    rssMiB: process.resourceUsage().maxRSS / 1024,
    code: hasErrors(problems) ? (problems.find((p) => p.severity === 'error')?.code ?? '') : 'compiled',
  };
  process.stdout.write(JSON.stringify(outcome));
}

function compare(name: string): void {
  const [small, large] = [run(name, 1), run(name, 4)];
  const growth = large.cpuMs / small.cpuMs;
  // What takes no time at all has no growth to speak of.
  const linear = large.cpuMs < 200 || growth < 6;
  const verdict = linear && large.rssMiB < 512 ? 'ok' : 'TOO MUCH';
  console.log(
    `${name.padEnd(36)} ${String(large.bytes).padStart(8)} bytes ${large.cpuMs.toFixed(0).padStart(6)} ms CPU, × ${growth.toFixed(1).padStart(4)} for 4 × the input, ${large.rssMiB.toFixed(0).padStart(4)} MiB, ${large.code}: ${verdict}`,
  );
  if (verdict !== 'ok') process.exitCode = 1;
}

function run(name: string, units: number): Outcome {
  const args = [...process.execArgv, import.meta.filename, name, String(units)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`${name}: ${stderr.slice(-2000) || 'it took more than two minutes'}`);
  return JSON.parse(stdout) as Outcome;
}
