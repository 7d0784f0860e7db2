import { parsePipelineFile, type PipelineStep } from '@melange2/config';
import { parse } from 'yaml';
import type { PipelineCatalogue } from './catalogue.ts';

/** One input of a pipeline, for people. */
export interface InputDescription {
  readonly name: string;
  readonly description: string;
  /** What a value must look like: `string`, `boolean`, `integer`, `path`, `list`, `lines`, `uri`, `sha256`, …; as the pipeline says. */
  readonly type: string;
  /** The text of the default, with its variables; `undefined` for none. */
  readonly default: string | undefined;
  readonly required: boolean;
}

/** A pipeline as its readers want it told. */
export interface PipelineDescription {
  readonly name: string;
  /** One line: its `name`. */
  readonly title: string;
  /** The whole `description`, without line ends at its end. */
  readonly description: string;
  /** Packages it adds to the build environment. */
  readonly needs: readonly string[];
  readonly inputs: readonly InputDescription[];
  /** Other pipelines its steps use, sorted. */
  readonly uses: readonly string[];
  readonly builtIn: boolean;
}

/** Describes the pipeline of this name; `undefined` if there is none, or none that can be read. */
export function describePipeline(
  catalogue: PipelineCatalogue,
  name: string,
): PipelineDescription | undefined {
  const file = catalogue.resolve(name);
  if (file === undefined) return undefined;
  const { value: step } = parsePipelineFile(file.text, file.file);
  if (step === undefined) return undefined;
  const notes = readNotes(file.text);
  return {
    name,
    title: step.name ?? name,
    description: notes.description,
    needs: step.needs?.packages ?? [],
    inputs: Object.entries(step.inputs).map(([input, { description, required, default: value }]) => ({
      name: input,
      description: description.trim(),
      type: notes.types.get(input) ?? 'string',
      default: value === '' ? undefined : value,
      required,
    })),
    uses: [...new Set(usesOf(step.pipeline))].toSorted(),
    builtIn: file.builtIn,
  };
}

interface Notes {
  readonly description: string;
  readonly types: ReadonlyMap<string, string>;
}

/** Reads the keys that compiling has no use for: the description, and the type of each input. */
function readNotes(text: string): Notes {
  const document: unknown = parse(text);
  const types = new Map<string, string>();
  for (const [name, input] of Object.entries(record(record(document)['inputs']))) {
    const { type } = record(input);
    if (typeof type === 'string') types.set(name, type);
  }
  const { description } = record(document);
  return { description: typeof description === 'string' ? description.trim() : '', types };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function usesOf(steps: readonly PipelineStep[]): readonly string[] {
  return steps.flatMap((step) => [...(step.uses === undefined ? [] : [step.uses]), ...usesOf(step.pipeline)]);
}
