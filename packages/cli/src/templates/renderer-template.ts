import type { KindTemplate } from '../plugin-template.ts';

/** A renderer that writes a line for each step. */
export const rendererTemplate: KindTemplate = {
  description: 'Shows each finished step on a line',
  dependencies: ['progress'],
  types: [],
  source: ({ packageName, factory }) => `import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import { formatDuration, plainLine, type RendererOutput } from '@melange2/progress';

const name = '${packageName}';

const standardError: RendererOutput = {
  write: (text) => void process.stderr.write(text),
  colors: false,
};

/** Shows each finished step on a line. */
export function ${factory}({ output = standardError }: { readonly output?: RendererOutput } = {}): Plugin {
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      const names = new Map<string, string>();
      hooks.eventReceived.tap(name, (event) => {
        switch (event.type) {
          case 'stepPlanned':
            names.set(event.step, event.name);
            break;
          case 'stepFinished': {
            // Names come from outside: \`plainLine\` takes control characters out of them.
            const step = plainLine(names.get(event.step) ?? event.step);
            const end = event.error === undefined ? (event.cached ? 'cached' : 'done') : plainLine(event.error);
            output.write(\`\${step}: \${end} (\${formatDuration(event.durationMs)})\\n\`);
            break;
          }
          case 'buildFinished':
            output.write(\`\${event.outcome} in \${formatDuration(event.durationMs)}\\n\`);
            break;
          default:
        }
      });
    },
  };
}

export { ${factory} as plugin };
`,
  test: ({ packageName }) => `import { rendererContract } from '@melange2/plugin-api/testing';
import { test } from 'vitest';
import { plugin } from './index.ts';

const contract = rendererContract({
  make: (output) => plugin({ output }),
  npmName: '${packageName}',
});

for (const { name, run } of contract) test(name, run);
`,
  use: ({ packageName }) => `melange2 build FILE.yaml --progress quiet --plugin ${packageName}`,
};
