import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import { EVENT_VERSION, type RendererOutput } from '@melange2/progress';

export interface ProgressJsonOptions {
  readonly output: RendererOutput;
}

/**
 * Writes each event as one line of JSON: `{"v":1,"type":"stepStarted","atMs":…,…}`.
 *
 * `v` is the version of the events; fields and types may be added to a version, never changed. The schema is
 * {@link eventSchema}.
 */
export function progressJson({ output }: ProgressJsonOptions): Plugin {
  const name = '@melange2/progress-json';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.eventReceived.tap(name, (event) =>
        output.write(`${JSON.stringify({ v: EVENT_VERSION, ...event })}\n`),
      );
    },
  };
}
