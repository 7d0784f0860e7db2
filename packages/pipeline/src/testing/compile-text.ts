import { parseConfig } from '@melange2/config';
import { hasErrors, sortDiagnostics, type Diagnostic, type Parsed } from '@melange2/diagnostics';
import { builtinCatalogue } from '../builtin-catalogue.ts';
import { folderCatalogue, layeredCatalogue } from '../catalogue.ts';
import { compile, type CompileOptions } from '../compile.ts';
import type { CompiledPackage, CompiledStep } from '../compiled-package.ts';
import { pipelineLibrary } from '../pipeline-library.ts';

/** Compiles the text of a build file, with pipelines of its own by name. Problems of parsing are problems too. */
export function compileText(
  text: string,
  pipelines: Readonly<Record<string, string>> = {},
  options: Partial<CompileOptions> = {},
): Parsed<CompiledPackage> {
  const files = new Map(Object.entries(pipelines).map(([name, body]) => [`${name}.yaml`, body]));
  const parsed = parseConfig(text, 'app.yaml', { warnings: false });
  if (parsed.value === undefined) return { diagnostics: parsed.diagnostics };
  const { value, diagnostics } = compile(parsed.value, {
    architecture: 'x86_64',
    library: pipelineLibrary(layeredCatalogue([folderCatalogue('pipelines', files), builtinCatalogue])),
    ...options,
  });
  const all = sortDiagnostics([...parsed.diagnostics, ...diagnostics]);
  return value === undefined || hasErrors(all) ? { diagnostics: all } : { value, diagnostics: all };
}

/** As {@link compileText}, for texts that compile. */
export function compiled(
  text: string,
  pipelines?: Readonly<Record<string, string>>,
  options?: Partial<CompileOptions>,
): CompiledPackage {
  const { value, diagnostics } = compileText(text, pipelines, options);
  if (value === undefined) throw new Error(problems(diagnostics).join('\n'));
  return value;
}

/** `place CODE message` of each problem. */
export function problems(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map(
    ({ code, message, span }) =>
      `${span === undefined ? '' : `${span.file}:${span.start.line}:${span.start.column}-${span.end.line}:${span.end.column} `}${code} ${message}`,
  );
}

/** The scripts of steps and all below them, in order. */
export function scripts(steps: readonly CompiledStep[]): string[] {
  return steps.flatMap((step) => [
    ...(step.script === undefined ? [] : [step.script]),
    ...scripts(step.children),
  ]);
}
