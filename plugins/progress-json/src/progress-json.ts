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
      hooks.eventReceived.tap(name, (event) => output.write(`${jsonLine({ v: EVENT_VERSION, ...event })}\n`));
    },
  };
}

/** JSON leaves C1 controls and changes of direction as they are; a terminal that shows the lines would obey them. */
function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
