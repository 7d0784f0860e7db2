import { capabilityTable, type Client } from '@melange2/buildkit-client';
import { expect, type TestContext } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** What the daemon does not have, so that the test has shown that instead. The matrix prints it. */
    lacks?: string;
  }
}

type Task = TestContext['task'];

/** Notes that the test has shown what becomes of it where the daemon cannot do it. */
export function noteLack(task: Task, what: string): void {
  task.meta.lacks = what;
}

/**
 * Tells whether the daemon lacks a capability. That it does so only before the version that the table of
 * capabilities names is part of the test.
 *
 * @param age the daemon's version, or a name for one of unknown version.
 */
export async function lacks(task: Task, client: Client, age: string, capability: string): Promise<boolean> {
  const entry = capabilityTable.find((one) => one.capability === capability);
  if (entry === undefined) throw new Error(`${capability} is not in the table of capabilities.`);
  const missing = !(await client.capabilities()).has(capability);
  if (/^\d/.test(age)) expect(missing).toBe(minorOf(age) < minorOf(entry.since));
  if (missing) noteLack(task, capability);
  return missing;
}

/** The minor of a daemon's version, `0.<minor>`; a daemon that does not tell its version counts as the newest. */
export function minorOf(age: string): number {
  return Number(/^0\.(\d+)$/.exec(age)?.[1] ?? Number.POSITIVE_INFINITY);
}
