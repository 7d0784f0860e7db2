import { hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../world/cache-dir.ts';
import { runProgram } from '../world/run-program.ts';

const source = join(import.meta.dirname, 'buildctl.c');

/**
 * Returns the folder of a statically linked program `buildctl`, made once. It is what runs at the far end of transports
 * that lead through a program: in a container, or on a machine that is reached by ssh.
 *
 * @throws Error when there is no C compiler.
 */
export async function dialProgram(cache: string = cacheDir()): Promise<string> {
  const folder = join(cache, 'buildctl', hash('sha256', readFileSync(source)).slice(0, 12));
  const program = join(folder, 'buildctl');
  if (!existsSync(program)) {
    await mkdir(folder, { recursive: true });
    const partial = `${program}.partial-${process.pid}`;
    await runProgram('gcc', ['-static', '-Os', '-s', '-o', partial, source]);
    await rename(partial, program);
  }
  return folder;
}
