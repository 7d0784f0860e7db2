import { listRecords, readLog } from '@melange2/core';
import { formatDuration } from '@melange2/progress';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

/** Runs `melange2 log`. */
export async function runLog(
  build: string | undefined,
  step: string | undefined,
  options: { readonly list?: boolean },
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
  const { record, step: found, text } = await readLog(terminal.env, build, step);
  const owner = found.package === undefined ? '' : `${found.package}: `;
  terminal.stderr(`${terminal.colors.dim(`${record.id}, ${owner}${found.name}`)}\n`);
  terminal.stdout(text);
  return exitCodes.done;
}
