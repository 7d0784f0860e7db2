import { type Diagnostic, isBuildError, redactor, sortDiagnostics } from '@melange2/diagnostics';
import type { BuildHooks, Plugin } from '@melange2/plugin-api';
import { buildArchitectures } from '../architectures.ts';
import type { Host } from '../build-request.ts';
import { compileBuild, type CompileSettings } from './compile-build.ts';
import { type InputRequest, readInputs } from './read-inputs.ts';
import { withHooks } from '../plugins/with-hooks.ts';

export interface CheckRequest extends Omit<InputRequest & CompileSettings, 'file'> {
  readonly files: readonly string[];
  /** apk or OCI names; empty is this machine's. */
  readonly architectures: readonly string[];
}

/** What was found in one file. */
export interface CheckedFile {
  readonly file: string;
  /** Sorted by place. */
  readonly problems: readonly Diagnostic[];
}

/**
 * Checks build files as a build would, and builds nothing: syntax, keys, variables, conditions, pipelines, shell text,
 * for each architecture, with the plugins that check build files.
 *
 * Problems are a result. A file that cannot be read is a problem of its own.
 */
export async function checkFiles(
  request: CheckRequest,
  { plugins, host }: { readonly plugins: readonly Plugin[]; readonly host: Host },
): Promise<readonly CheckedFile[]> {
  return withHooks(plugins, host, (hooks) => checkAll(request, host, hooks));
}

async function checkAll(
  request: CheckRequest,
  host: Host,
  hooks: BuildHooks,
): Promise<readonly CheckedFile[]> {
  const architectures = buildArchitectures(request.architectures, process.arch);
  const checked: CheckedFile[] = [];
  for (const file of request.files) {
    let problems: Diagnostic[] = [];
    const one = { ...request, file };
    try {
      const bus = {
        emit: (event: { readonly type: string; readonly problem?: Diagnostic }): void => {
          if (event.problem !== undefined) problems.push(event.problem);
        },
      };
      const inputs = await readInputs(one, host);
      await compileBuild({ hooks, host, redactor: redactor() }, one, inputs, architectures, bus);
    } catch (error) {
      if (!isBuildError(error)) throw error;
      const { code, message, span, diagnostics } = error;
      const own: Diagnostic = { code, severity: 'error', message, ...(span === undefined ? {} : { span }) };
      problems = problems.concat(diagnostics.length > 0 ? diagnostics : [own]);
    }
    checked.push({ file, problems: sortDiagnostics(problems) });
  }
  return checked;
}
