import type { PipelineCatalogue } from './catalogue.ts';
import { builtinPipelines } from './generated/builtin-pipelines.ts';

/** The pipelines that come with melange2. Their places are reported below `builtin:`. */
export const builtinCatalogue: PipelineCatalogue = {
  where: 'built-in pipelines',
  names: () => Object.keys(builtinPipelines).toSorted(),
  resolve: (name) => {
    const text = Object.hasOwn(builtinPipelines, name) ? builtinPipelines[name] : undefined;
    return text === undefined ? undefined : { text, file: `builtin:${name}.yaml`, builtIn: true };
  },
};
