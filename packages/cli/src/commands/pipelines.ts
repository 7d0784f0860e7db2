import { resolve } from 'node:path';
import { listPipelines } from '@melange2/core';
import { buildError, didYouMean } from '@melange2/diagnostics';
import { errors } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

type Description = Awaited<ReturnType<typeof listPipelines>>[number];

interface PipelinesOptions {
  readonly pipelineDir: readonly string[];
  readonly json?: boolean;
}

/** Runs `melange2 pipelines`. */
export async function runPipelines(
  name: string | undefined,
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const options = raw as unknown as PipelinesOptions;
  const all = await listPipelines(options.pipelineDir.map((folder) => resolve(terminal.cwd, folder)));
  const exact = all.find((pipeline) => pipeline.name === name);
  // A folder of pipelines is listed: `go` is go/build and its like.
  const folder = name === undefined ? '' : `${name.replace(/\/+$/, '')}/`;
  const shown = exact === undefined ? all.filter((pipeline) => pipeline.name.startsWith(folder)) : [exact];
  if (name !== undefined && shown.length === 0) {
    const near = didYouMean(
      name,
      all.map((pipeline) => pipeline.name),
    );
    const advice = near === undefined ? '' : ` Did you mean "${near}"?`;
    const problem = `There is no pipeline "${name}".${advice} "melange2 pipelines" lists all.`;
    throw buildError(errors, 'CLI_USAGE', { problem });
  }
  if (options.json === true) {
    terminal.stdout(`${JSON.stringify(exact ?? shown, undefined, 2)}\n`);
  } else if (exact === undefined) {
    const width = Math.max(...shown.map((pipeline) => pipeline.name.length));
    for (const { name: one, title } of shown) terminal.stdout(`${one.padEnd(width)}  ${title}\n`);
  } else {
    terminal.stdout(describe(exact, terminal));
  }
  return exitCodes.done;
}

function describe(pipeline: Description, { colors }: Terminal): string {
  const { name, title, description, needs, inputs, uses, builtIn } = pipeline;
  const lines = [`${colors.bold(name)}  ${title}${builtIn ? '' : '  (your own)'}`, '', description];
  if (needs.length > 0) lines.push('', `needs: ${needs.join(' ')}`);
  if (uses.length > 0) lines.push('', `uses: ${uses.join(' ')}`);
  for (const input of inputs) {
    const facts = [input.type, ...(input.required ? ['required'] : []), ...defaultOf(input.default)];
    lines.push('', `${colors.bold(input.name)}  (${facts.join(', ')})`);
    for (const line of input.description.split('\n')) lines.push(`    ${line}`.trimEnd());
  }
  lines.push('', colors.bold('Example'), ...exampleOf(pipeline));
  return `${lines.join('\n')}\n`;
}

/** A step of a build file that gives what has to be given. */
function exampleOf({ name, inputs }: Description): string[] {
  const required = inputs.filter((input) => input.required);
  return [
    '    pipeline:',
    `      - uses: ${name}`,
    ...(required.length === 0 ? [] : ['        with:']),
    ...required.map((input) => `          ${input.name}: ${valueOf(input)}`),
  ];
}

function valueOf({ name, type }: Description['inputs'][number]): string {
  if (type === 'uri') return 'https://example.org/sample-${{package.version}}.tar.gz';
  if (name === 'version') return '${{package.version}}';
  return name.toUpperCase().replaceAll('-', '_');
}

function defaultOf(text: string | undefined): string[] {
  return text === undefined ? [] : [`default ${text}`];
}
