import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { normaliseScript } from '@melange2/pipeline';
import type { Conformance } from './solver.ts';

interface Answer {
  readonly out?: string;
  readonly error?: string;
}

interface Made {
  readonly in: string;
  readonly melange: Answer;
}

interface Written {
  readonly file: string;
  readonly in: string;
  readonly out?: string;
}

/** Scripts that differ on purpose; the reasons stand in docs/compat/compile.md. */
const listed: ReadonlySet<string> = new Set(['cat <<A; cat <<B\n1\nA\n2\nB\n']);

/** Variables are put in before the shell sees a script: this problem is another's. */
const notShell = /^compiling Pipeline/;

/** Prints every script of the vectors and compares with what melange prints, or that it refuses it at the same place. */
export async function run(vectors: string): Promise<Conformance> {
  const folder = join(vectors, 'compile');
  const made = JSON.parse(readFileSync(join(folder, 'shell.json'), 'utf8')) as readonly Made[];
  const written = gunzipSync(readFileSync(join(folder, 'shell-wolfi.ndjson.gz')))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Written);
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  const rows = [
    ...made
      .filter(({ melange }) => melange.error === undefined || !notShell.test(melange.error))
      .map(({ in: script, melange }, i) => ({ name: `script ${i}`, script, answer: melange })),
    ...written.map(({ file, in: script, out = script }, i) => ({
      name: `${file} ${i}`,
      script,
      answer: { out },
    })),
  ];
  for (const { name, script, answer } of rows) {
    const difference = compare(script, answer);
    if (difference === undefined) result.equal++;
    else if (listed.has(script)) result.listed++;
    else result.failed.push(`${name} ${JSON.stringify(script).slice(0, 200)}\n  ${difference}`);
  }
  return result;
}

function compare(script: string, answer: Answer): string | undefined {
  const ours = normaliseScript(script);
  if ('problem' in ours) {
    const shown = `refused at ${ours.offset}: ${ours.problem}`;
    return answer.error === undefined ? shown : undefined;
  }
  if (answer.out === ours.text) return undefined;
  if (answer.out === undefined) return `accepted, but: ${answer.error?.split('\n')[0] ?? ''}`;
  let at = 0;
  while (at < ours.text.length && ours.text[at] === answer.out[at]) at++;
  const from = Math.max(0, at - 30);
  const part = (text: string): string => JSON.stringify(text.slice(from, at + 60));
  return `got  ${part(ours.text)}\n  want ${part(answer.out)}`;
}
