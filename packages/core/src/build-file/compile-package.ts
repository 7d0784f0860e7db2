import { type PackageConfig, type Resources, toReferenceJson } from '@melange2/config';
import { type Diagnostic, redactor } from '@melange2/diagnostics';
import type { BuildHooks, Plugin } from '@melange2/plugin-api';
import { buildArchitectures } from '../architectures.ts';
import type { Host } from '../build-request.ts';
import { compileBuild, type CompileSettings } from './compile-build.ts';
import { type InputRequest, readInputs } from './read-inputs.ts';
import { withHooks } from '../plugins/with-hooks.ts';

export interface CompileRequest extends InputRequest, CompileSettings {
  /** apk or OCI name; empty is this machine's. */
  readonly architecture: string;
  /** Printed in place of what the build file has. */
  readonly resources?: Partial<Omit<Resources, 'at'>>;
  readonly timeoutMs?: number;
}

export interface CompileResult {
  /** One line of JSON, as melange prints it; `undefined` when the build file excludes the architecture. */
  readonly json: string | undefined;
  readonly architecture: string;
  readonly warnings: readonly Diagnostic[];
}

/**
 * Compiles a build file for one architecture, with the plugins that may change it, and builds nothing.
 *
 * @throws {BuildError} BUILD_FILE_INVALID with all problems, FILE_UNREADABLE, BUILD_ARCHITECTURE_UNKNOWN
 */
export async function compilePackage(
  request: CompileRequest,
  { plugins, host }: { readonly plugins: readonly Plugin[]; readonly host: Host },
): Promise<CompileResult> {
  return withHooks(plugins, host, (hooks) => compileOne(request, host, hooks));
}

async function compileOne(request: CompileRequest, host: Host, hooks: BuildHooks): Promise<CompileResult> {
  const warnings: Diagnostic[] = [];
  const wanted = request.architecture === '' ? [] : [request.architecture];
  const [architecture = ''] = buildArchitectures(wanted, process.arch);
  const inputs = await readInputs(request, host);
  const { packages } = await compileBuild(
    { hooks, host, redactor: redactor() },
    request,
    inputs,
    [architecture],
    {
      emit: (event) => {
        if (event.type === 'problemFound') warnings.push(event.problem);
      },
    },
  );
  const compiled = packages.get(architecture);
  return {
    json: compiled === undefined ? undefined : toReferenceJson(withLimits(compiled.config, request)),
    architecture,
    warnings,
  };
}

function withLimits(config: PackageConfig, { resources, timeoutMs = 0 }: CompileRequest): PackageConfig {
  const { package: main } = config;
  return {
    ...config,
    package: {
      ...main,
      resources: { ...main.resources, ...resources },
      // No time at all is no limit, and leaves the one of the file.
      timeoutNs: timeoutMs > 0 ? BigInt(Math.round(timeoutMs * 1_000_000)) : main.timeoutNs,
    },
  };
}
