import { type Definition, definitionToDot, definitionToMermaid, formatDefinition } from '@melange2/llb';

/** How a graph is drawn: a line for each op, or a picture in the language of Graphviz or of Mermaid. */
export type GraphForm = 'text' | 'dot' | 'mermaid';

/** The graph of a build for one architecture. */
export interface DrawnGraph {
  readonly architecture: string;
  readonly text: string;
}

/** Draws a graph; equal graphs look the same. */
export function drawGraph(definition: Definition, form: GraphForm): string {
  switch (form) {
    case 'text':
      return formatDefinition(definition);
    case 'dot':
      return definitionToDot(definition);
    case 'mermaid':
      return definitionToMermaid(definition);
  }
}
