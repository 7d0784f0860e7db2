import { describePipeline, type PipelineDescription } from '@melange2/pipeline';
import { openCatalogue } from './read-inputs.ts';

/** The pipelines of these folders and the built-in ones, sorted by name. Files that cannot be read are left out. */
export async function listPipelines(folders: readonly string[]): Promise<readonly PipelineDescription[]> {
  const catalogue = openCatalogue(folders);
  return catalogue.names().flatMap((name) => describePipeline(catalogue, name) ?? []);
}
