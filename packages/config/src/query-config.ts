import { diagnostic, type Diagnostic, lineMap } from '@melange2/diagnostics';
import { configView } from './config-view.ts';
import { errors } from './errors.ts';
import type { PackageConfig } from './package-config.ts';
import { parseTemplate } from './template/parse-template.ts';
import { runTemplate } from './template/run-template.ts';
import { templateFunctionNames } from './template/template-functions.ts';
import { TemplateProblem } from './template/template-tokens.ts';

type TemplateCode = 'CONFIG_TEMPLATE_INVALID' | 'CONFIG_TEMPLATE_FAILED';

/** What a template makes of a configuration. */
export interface QueryResult {
  /** What it printed, up to the problem if there is one. */
  readonly output: string;
  /** Its place is in the template, whose file is called `template`. */
  readonly problem?: Diagnostic;
}

/**
 * Runs a template of Go's `text/template` on a parsed configuration, which has Go's names: `{{ .Package.Name }}`,
 * `{{ range .Subpackages }}{{ .Name }} {{ end }}`, `{{ .Package.FullVersion }}`.
 *
 * Maps are gone through in the order of their keys. Pointers within a printed struct are printed as what they lead to,
 * where Go prints an address.
 *
 * @see https://pkg.go.dev/text/template
 */
export function queryConfig(config: PackageConfig, template: string): QueryResult {
  const problem = (code: TemplateCode, { message, offset }: TemplateProblem): Diagnostic => {
    const span = lineMap('template', template).span(offset, offset + 1);
    return diagnostic(errors, code, { reason: message }, { span });
  };
  try {
    const run = runTemplate(parseTemplate(template, templateFunctionNames), configView(config));
    return run.problem === undefined
      ? { output: run.output }
      : { output: run.output, problem: problem('CONFIG_TEMPLATE_FAILED', run.problem) };
  } catch (cause) {
    if (!(cause instanceof TemplateProblem)) throw cause;
    return { output: '', problem: problem('CONFIG_TEMPLATE_INVALID', cause) };
  }
}
