import type { BuildEvent } from '@melange2/progress';

/** Which commands run at the moment. */
export interface RunningSteps {
  receive(event: BuildEvent): void;
  /** `PACKAGE: STEP`, in the order they started. */
  names(): readonly string[];
}

/** Follows the events of a build. */
export function runningSteps(): RunningSteps {
  const commands = new Map<string, string>();
  const running = new Set<string>();
  return {
    receive(event) {
      if (event.type === 'stepPlanned' && event.kind === 'command') {
        const owner = event.package === undefined ? '' : `${event.package}: `;
        commands.set(event.step, `${owner}${event.name}`);
      } else if (event.type === 'stepStarted' && commands.has(event.step)) running.add(event.step);
      else if (event.type === 'stepFinished') running.delete(event.step);
    },
    names: () => [...running].map((step) => commands.get(step) ?? step),
  };
}
