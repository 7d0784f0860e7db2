import { formatPlace } from '@melange2/diagnostics';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import { type BuildEvent, emptyView, plainLine, reduce, type RendererOutput } from '@melange2/progress';

export interface ProgressQuietOptions {
  readonly output: RendererOutput;
}

/** Says nothing of a build that goes well but the packages it wrote; of one that fails, the problems and the failed steps. */
export function progressQuiet({ output }: ProgressQuietOptions): Plugin {
  const name = '@melange2/progress-quiet';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      let view = emptyView;
      hooks.eventReceived.tap(name, (event: BuildEvent) => {
        view = reduce(view, event);
        if (event.type === 'packageWritten') output.write(`${event.file}\n`);
        if (event.type === 'problemFound' && event.problem.severity === 'error') {
          const place = event.problem.span === undefined ? '' : `${formatPlace(event.problem.span)}: `;
          output.write(`${place}${event.problem.code}: ${event.problem.message}\n`);
        }
        if (event.type === 'stepFinished' && event.error !== undefined) {
          const step = view.steps.get(event.step);
          const lines = (step?.tail ?? []).map((line) => `  ${plainLine(line)}\n`);
          output.write(`${plainLine(step?.name ?? event.step)} failed: ${event.error}\n${lines.join('')}`);
        }
      });
    },
  };
}
