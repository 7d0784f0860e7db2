import { existsSync, readFileSync } from 'node:fs';
import { findStep, listRecords, readLog, readRecord, traceFileOf } from '@melange2/core';
import { formatDuration } from '@melange2/progress';
import { exitCodes } from '../exit-code.ts';
import { recordBuilder } from '../record-builder.ts';
import type { Terminal } from '../terminal.ts';

/** Runs `melange2 log`. */
export async function runLog(
  build: string | undefined,
  step: string | undefined,
  options: { readonly list?: boolean; readonly trace?: boolean; readonly buildkit?: string },
  terminal: Terminal,
): Promise<number> {
  if (options.list === true) {
    const records = await listRecords(terminal.env);
    if (build === undefined) {
      for (const { id, outcome, file } of records)
        terminal.stdout(`${id}  ${outcome.padEnd(9)}  ${file ?? ''}\n`);
      return exitCodes.done;
    }
    const record = records.find(({ id }) => id.startsWith(build) || id.endsWith(build));
    for (const { name, kind, cached, durationMs, error } of record?.steps ?? []) {
      if (kind !== 'command') continue;
      const how =
        error ??
        (cached === true ? 'cached' : durationMs === undefined ? 'not run' : formatDuration(durationMs));
      terminal.stdout(`${how.padEnd(14)}  ${name}\n`);
    }
    return exitCodes.done;
  }
  if (options.trace === true) return printTrace(build, step, options.buildkit, terminal);
  const { record, step: found, text } = await readLog(terminal.env, build, step);
  const owner = found.package === undefined ? '' : `${found.package}: `;
  terminal.stderr(`${terminal.colors.dim(`${record.id}, ${owner}${found.name}`)}\n`);
  terminal.stdout(text);
  return exitCodes.done;
}

/** Prints what was recorded of the step's commands, or has them recorded now. */
async function printTrace(
  build: string | undefined,
  step: string | undefined,
  address: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const record = await readRecord(terminal.env, build);
  const found = findStep(record, step);
  const kept = traceFileOf(found.logFile ?? '');
  let file = kept;
  if (!existsSync(kept)) {
    const builder = await recordBuilder(record, terminal);
    try {
      const query = { record, step: found.id, ...(address === undefined ? {} : { address }) };
      file = await builder.trace(query, terminal.signal);
    } finally {
      await builder.close();
    }
  }
  terminal.stdout(readFileSync(file, 'utf8'));
  return exitCodes.done;
}
