import { diagnostic, type Diagnostic } from '@melange2/diagnostics';
import { maxRepeated, tooManyRepeated } from './alias-growth.ts';
import { errors } from './errors.ts';
import type { SourceText } from './node-places.ts';
import { readYaml } from './yaml-document.ts';
import type { YamlNode } from './yaml-node.ts';

/** The first document of a text, or why there is none. */
export interface ReadDocument {
  readonly root: YamlNode | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads the YAML of a text; an empty document is a problem. */
export function readDocument(source: SourceText): ReadDocument {
  const { root, problems } = readYaml(source.text);
  const diagnostics = problems.map((problem) => {
    const span = source.span(problem);
    const { message: reason, fix } = problem;
    if (problem.kind === 'depth') return diagnostic(errors, 'CONFIG_TOO_DEEP', { reason }, { span });
    if (problem.kind === 'alias') return diagnostic(errors, 'CONFIG_ALIAS_INVALID', { reason }, { span });
    if (fix === undefined) return diagnostic(errors, 'CONFIG_YAML_INVALID', { reason }, { span });
    const edits = [{ span: source.span(fix), text: fix.text }];
    return diagnostic(errors, 'CONFIG_YAML_INVALID', { reason }, { span, fix: { title: fix.title, edits } });
  });
  const alias = root !== undefined && source.text.includes('*') ? tooManyRepeated(root) : undefined;
  if (alias !== undefined) {
    const details = { limit: `${maxRepeated} values that aliases repeat` };
    return {
      root: undefined,
      diagnostics: [diagnostic(errors, 'CONFIG_TOO_LARGE', details, { span: source.span(alias) })],
    };
  }
  if (root === undefined && diagnostics.length === 0) {
    const span = source.span({ start: 0, end: 0 });
    diagnostics.push(diagnostic(errors, 'CONFIG_EMPTY', { file: source.file }, { span }));
  }
  return { root, diagnostics };
}
