import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { melange2 } from './melange2.ts';

/** A folder for one test, removed when the test is over. */
export function testFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'melange2-e2e-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Makes a key pair with the command line and returns the path of the private half. */
export async function testKey(dir: string): Promise<string> {
  const key = join(dir, 'test.rsa');
  const { code, stderr } = await melange2(['keygen', '--key-size', '2048', key], { cwd: dir });
  if (code !== 0) throw new Error(stderr);
  return key;
}
