import { explainLine, type LineExplanation, pipelineLibrary } from '@melange2/pipeline';
import { redactor } from '@melange2/diagnostics';
import type { Plugin } from '@melange2/plugin-api';
import { buildArchitectures } from '../architectures.ts';
import type { Host } from '../build-request.ts';
import { compileBuild } from './compile-build.ts';
import type { CompileRequest } from './compile-package.ts';
import { readInputs } from './read-inputs.ts';
import { withHooks } from '../plugins/with-hooks.ts';

/**
 * Says what a line of a build file means; `undefined` when it has no such line, or is not for the architecture.
 *
 * @throws {BuildError} BUILD_FILE_INVALID, FILE_UNREADABLE, BUILD_ARCHITECTURE_UNKNOWN
 */
export async function explainBuildLine(
  request: CompileRequest,
  line: number,
  { plugins, host }: { readonly plugins: readonly Plugin[]; readonly host: Host },
): Promise<LineExplanation | undefined> {
  const wanted = request.architecture === '' ? [] : [request.architecture];
  const [architecture = ''] = buildArchitectures(wanted, process.arch);
  const inputs = await readInputs(request, host);
  const { config, packages, catalogue } = await withHooks(plugins, host, (hooks) =>
    compileBuild({ hooks, host, redactor: redactor() }, request, inputs, [architecture], { emit: () => {} }),
  );
  const compiled = packages.get(architecture);
  if (compiled === undefined) return undefined;
  const { libc, buildOptions, file } = request;
  const library = pipelineLibrary(catalogue);
  return explainLine({ text: inputs.text, file, line, config, compiled, library, libc, buildOptions });
}
