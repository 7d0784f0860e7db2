import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** One example of a README: a block of TypeScript, and the block of text behind it that it should print. */
export interface ReadmeExample {
  /** Line of the README at which the code begins. */
  readonly line: number;
  readonly code: string;
  readonly expected: string;
}

/** Lists the examples of a README: every `ts` block that a `text` block follows. */
export function readmeExamples(folder: string): ReadmeExample[] {
  const text = readFileSync(join(folder, 'README.md'), 'utf8');
  return [...text.matchAll(/```ts\n([^]*?)```\s*```text\n([^]*?)```/g)].map((match) => ({
    line: text.slice(0, match.index).split('\n').length + 1,
    code: match[1] ?? '',
    expected: match[2] ?? '',
  }));
}

/** Runs an example as a program of its own in the package's folder, and gives what it printed. */
export async function runReadmeExample(folder: string, { code, line }: ReadmeExample): Promise<string> {
  const file = join(folder, `.readme-${line}-${process.pid}.ts`);
  writeFileSync(file, code);
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=x-source', file]);
    return stdout;
  } finally {
    rmSync(file);
  }
}
