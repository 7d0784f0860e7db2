import { BuildError, type Diagnostic, isBuildError } from '@melange2/diagnostics';
import { errors } from '../errors.ts';

interface Tapped {
  readonly taps: readonly unknown[];
}

/**
 * Calls every tap of a hook, one after the other, also those behind one that fails.
 *
 * @throws {BuildError} PLUGIN_HOOK_FAILED: the failure, or all of them in `diagnostics` when there are several
 */
export async function callAll(name: string, hook: Tapped, args: readonly unknown[]): Promise<void> {
  const failures: unknown[] = [];
  for (const { fn } of hook.taps as readonly { readonly fn: (...given: unknown[]) => unknown }[]) {
    try {
      await fn(...args);
    } catch (error) {
      failures.push(error);
    }
  }
  const [first, ...others] = failures;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const details = { hook: name, count: failures.length };
  const { title, message } = errors.PLUGIN_HOOKS_FAILED;
  throw new BuildError('PLUGIN_HOOKS_FAILED', title, message(details), details, {
    diagnostics: failures.map(problemOf),
    cause: first,
  });
}

function problemOf(failure: unknown): Diagnostic {
  const message = failure instanceof Error ? failure.message : String(failure);
  const code = isBuildError(failure) ? failure.code : 'PLUGIN_HOOK_FAILED';
  return { code, severity: 'error', message };
}
