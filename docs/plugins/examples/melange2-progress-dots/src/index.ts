import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import { plainLine, type RendererOutput } from '@melange2/progress';

const name = 'melange2-progress-dots';

/** Shows one dot a step, `c` for a cached one, and what a failed step printed last. */
export function progressDots({ output = standardError }: { readonly output?: RendererOutput } = {}): Plugin {
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      const names = new Map<string, string>();
      const lastLines = new Map<string, string>();
      hooks.eventReceived.tap(name, (event) => {
        switch (event.type) {
          case 'stepPlanned':
            names.set(event.step, event.name);
            break;
          case 'stepLog':
            lastLines.set(event.step, event.text);
            break;
          case 'stepFinished':
            if (event.error === undefined) {
              output.write(event.cached ? 'c' : '.');
            } else {
              // Names and logs come from outside: `plainLine` takes control characters out of them.
              const step = plainLine(names.get(event.step) ?? event.step);
              const last = plainLine(lastLines.get(event.step) ?? '');
              output.write(`\nfailed: ${step} (${plainLine(event.error)}): ${last}\n`);
            }
            break;
          case 'buildFinished':
            output.write(`\n${event.outcome} in ${Math.round(event.durationMs / 1000)} s\n`);
            break;
          default:
        }
      });
    },
  };
}

const standardError: RendererOutput = {
  write: (text) => void process.stderr.write(text),
  colors: false,
};

export { progressDots as plugin };
