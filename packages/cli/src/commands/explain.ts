import { dirname, resolve } from 'node:path';
import { explainBuildLine, findConfigFile, loadPlugins } from '@melange2/core';
import { buildError, formatPlace } from '@melange2/diagnostics';
import { errors } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

type Explanation = NonNullable<Awaited<ReturnType<typeof explainBuildLine>>>;
type Text = Explanation['texts'][number];
type Value = Text['values'][number];
type Step = NonNullable<Explanation['step']>;

interface ExplainOptions {
  readonly arch: string;
  readonly pipelineDir: readonly string[];
  readonly buildOption: readonly string[];
  readonly envFile: readonly string[];
  readonly varsFile?: string;
  readonly json?: boolean;
}

/** Runs `melange2 explain`. */
export async function runExplain(
  place: string,
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const options = raw as unknown as ExplainOptions;
  const { cwd, env, now } = terminal;
  const [, file, lineText] = /^(.+?):(\d+)(?::\d+)?$/.exec(place) ?? [];
  if (file === undefined || lineText === undefined) {
    throw buildError(errors, 'CLI_USAGE', { problem: `"${place}" is no FILE:LINE, such as zip.yaml:12.` });
  }
  const path = (p: string): string => resolve(cwd, p);
  const explanation = await explainBuildLine(
    {
      file,
      architecture: options.arch,
      pipelineDirs: options.pipelineDir.map(path),
      buildOptions: options.buildOption,
      envFiles: options.envFile.map(path),
      libc: 'gnu',
      ...(options.varsFile === undefined ? {} : { varsFile: path(options.varsFile) }),
    },
    Number(lineText),
    {
      plugins: await loadPlugins(findConfigFile(dirname(path(file))), [], cwd),
      host: { env, cwd, now, version },
    },
  );
  if (explanation === undefined) {
    throw buildError(errors, 'CLI_USAGE', {
      problem: `${file} has no line ${lineText} that means something here.`,
    });
  }
  terminal.stdout(
    options.json === true
      ? `${JSON.stringify(explanation, undefined, 2)}\n`
      : `${describe(explanation, terminal).join('\n')}\n`,
  );
  return exitCodes.done;
}

function describe({ file, line, path, texts, step }: Explanation, terminal: Terminal): string[] {
  const { bold } = terminal.colors;
  const nothing = texts.length === 0 ? ['  no value of its own stands on this line'] : [];
  return [
    `${bold(`${file}:${line}`)}  ${path === '' ? 'the build file' : path}`,
    ...nothing,
    ...texts.flatMap((text) => describeText(text, texts, terminal)),
    ...(step === undefined ? [] : describeStep(step, /\.(?:uses|runs)$/.test(path), terminal)),
  ];
}

function describeText(text: Text, all: readonly Text[], { colors }: Terminal): string[] {
  const several = new Set(all.map((one) => one.path)).size > 1 ? `${text.path}: ` : '';
  const owners = new Set(all.map((one) => one.package)).size > 1 ? colors.dim(`  (${text.package})`) : '';
  const [first = '', ...more] = text.text.split('\n');
  return [
    '',
    `  ${several}${first}${owners}`,
    ...more.map((line) => `  ${line}`),
    ...(text.holds === undefined ? [] : [`  ${text.holds ? 'holds' : 'does not hold'}`]),
    ...text.values.flatMap((value) => describeValue(value, '    ', colors)),
  ];
}

function describeValue(value: Value, indent: string, colors: Terminal['colors']): string[] {
  const shown = value.value === undefined ? 'not set' : JSON.stringify(value.value);
  const place = value.place === undefined ? '' : colors.dim(`  ${formatPlace(value.place)}`);
  return [
    `${indent}\${{${value.name}}} = ${shown}  from ${value.from}${place}`,
    ...value.values.flatMap((inner) => describeValue(inner, `${indent}  `, colors)),
  ];
}

/** Most lines of scripts that are shown. */
const shownLines = 40;

function describeStep(step: Step, withScripts: boolean, { colors }: Terminal): string[] {
  const { uses, builtIn, pipelineFile, needs, inputs, scripts, place } = step;
  const lines = withScripts ? scripts.flatMap((script) => script.trimEnd().split('\n')) : [];
  const where = place === undefined ? '' : colors.dim(`  ${formatPlace(place)}`);
  const kind = builtIn ? 'built-in' : (pipelineFile ?? '');
  return [
    '',
    uses === undefined ? `a step of its own${where}` : `step ${colors.bold(uses)}  (${kind})${where}`,
    ...(needs.length === 0 ? [] : [`  needs ${needs.join(' ')}`]),
    ...inputs.map((input) => describeInput(input, colors)),
    ...(lines.length === 0 ? [] : ['', 'runs']),
    ...lines.slice(0, shownLines).map((line) => `  ${colors.dim('|')} ${line}`.trimEnd()),
    ...(lines.length > shownLines ? [`  and ${lines.length - shownLines} lines more`] : []),
  ];
}

function describeInput(input: Step['inputs'][number], colors: Terminal['colors']): string {
  const place = input.place === undefined ? '' : colors.dim(`  ${formatPlace(input.place)}`);
  const from = { given: 'given', default: 'default', nothing: 'empty' }[input.from];
  return `  ${input.name} = ${JSON.stringify(input.value)}  ${from}${place}`;
}
