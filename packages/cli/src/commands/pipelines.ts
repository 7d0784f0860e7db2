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
  const shown = name === undefined ? all : all.filter((pipeline) => pipeline.name === name);
  if (name !== undefined && shown.length === 0) {
    const near = didYouMean(
      name,
      all.map((pipeline) => pipeline.name),
    );
    const problem = `There is no pipeline "${name}".${near === undefined ? '' : ` Did you mean "${near}"?`}`;
    throw buildError(errors, 'CLI_USAGE', { problem });
  }
  if (options.json === true) {
    terminal.stdout(`${JSON.stringify(name === undefined ? shown : shown[0], undefined, 2)}\n`);
  } else if (name === undefined) {
    const width = Math.max(...shown.map((pipeline) => pipeline.name.length));
    for (const { name: one, title } of shown) terminal.stdout(`${one.padEnd(width)}  ${title}\n`);
  } else {
    for (const pipeline of shown) terminal.stdout(describe(pipeline, terminal));
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
  return `${lines.join('\n')}\n`;
}

function defaultOf(text: string | undefined): string[] {
  return text === undefined ? [] : [`default ${text}`];
}
