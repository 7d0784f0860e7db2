import { diagnostic, didYouMean, type Diagnostic, type Span } from '@melange2/diagnostics';
import { parsePipelineFile, type PipelineStep } from '@melange2/config';
import type { PipelineCatalogue } from './catalogue.ts';
import { errors } from './errors.ts';
import type { PrintedTemplates } from './normalise-template.ts';

/** A pipeline file, read. */
export interface PipelineDefinition {
  readonly name: string;
  readonly builtIn: boolean;
  readonly file: string;
  readonly text: string;
  /** The keys of the file; `undefined` and empty where it has none. */
  readonly step: PipelineStep;
  /** What in the file has no effect; of built-in pipelines nothing is told. */
  readonly warnings: readonly Diagnostic[];
}

/** Finds and reads pipeline files, each at most once. Use one for all build files that share a catalogue. */
export interface PipelineLibrary {
  /** The pipeline of this name, or why there is none, reported at `place`. */
  find(name: string, place: Span | undefined): PipelineDefinition | readonly Diagnostic[];
  /** What has been printed of the scripts in the files, so that it is printed once. */
  readonly printed: PrintedTemplates;
}

/** Makes the library of a catalogue. */
export function pipelineLibrary(catalogue: PipelineCatalogue): PipelineLibrary {
  const known = new Map<string, PipelineDefinition | readonly Diagnostic[]>();
  return {
    printed: new Map(),
    find: (name, place) => {
      const refused = refuse(name, place) ?? known.get(name);
      if (refused !== undefined) return refused;
      const found = read(catalogue, name, place);
      // What is missing is reported at the place that asks.
      if ('step' in found || found.some((d) => d.code !== 'PIPELINE_UNKNOWN')) known.set(name, found);
      return found;
    },
  };
}

function refuse(uses: string, place: Span | undefined): readonly Diagnostic[] | undefined {
  if (!uses.startsWith('/') && !uses.includes('..')) return undefined;
  return [diagnostic(errors, 'PIPELINE_NAME_REFUSED', { uses }, at(place))];
}

function read(
  catalogue: PipelineCatalogue,
  name: string,
  place: Span | undefined,
): PipelineDefinition | readonly Diagnostic[] {
  const file = catalogue.resolve(name);
  if (file === undefined) {
    const suggestion = didYouMean(name, catalogue.names());
    return [
      diagnostic(
        errors,
        'PIPELINE_UNKNOWN',
        { uses: name, where: catalogue.where, suggestion },
        {
          ...at(place),
          ...(place === undefined || suggestion === undefined
            ? {}
            : { fix: { title: `use "${suggestion}"`, edits: [{ span: place, text: suggestion }] } }),
        },
      ),
    ];
  }
  const { builtIn, text } = file;
  const options = { warnings: !builtIn };
  const { value, diagnostics } = parsePipelineFile(isBlank(text) ? '{}' : text, file.file, options);
  const problems = diagnostics.filter((d) => d.severity === 'error');
  if (value === undefined || problems.length > 0) return problems;
  return { name, builtIn, file: file.file, text, step: value, warnings: diagnostics };
}

function at(place: Span | undefined): { readonly span?: Span } {
  return place === undefined ? {} : { span: place };
}

/** A file of nothing but comments is a pipeline that does nothing. */
function isBlank(text: string): boolean {
  return text.split('\n').every((line) => /^\s*(#|$)/.test(line));
}
