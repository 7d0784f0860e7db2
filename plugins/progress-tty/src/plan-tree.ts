import { type BuildView, byChunk, type StepView } from '@melange2/progress';

/** One package on one architecture, with what is shown of it. */
export interface Branch {
  /** Absent where there is no room for titles. */
  readonly title?: string;
  /** Steps that run, each with how many of its last lines are shown. */
  readonly running: readonly { readonly step: StepView; readonly logs: number }[];
  /** Names of steps that wait, and how many more there are. */
  readonly waiting: readonly string[];
}

const logRows = 6;
const waitingRows = 3;

/**
 * Decides what of a build fits into a number of rows: steps that run come first, then titles, then their last lines, then
 * the steps that wait.
 */
export function planTree(view: BuildView, rows: number): readonly Branch[] {
  const running = view.running
    .map((id) => view.steps.get(id))
    .filter((step): step is StepView => step !== undefined && step.kind !== 'internal')
    .slice(0, Math.max(1, rows));
  const groups = groupSteps(view, running);
  // A step takes a row, and a second one for how far it is.
  const taken = running.length + running.filter(({ progress }) => progress !== undefined).length;
  const titles = groups.size;
  if (rows < taken + titles + running.length) {
    const logs = running.length === 0 ? 0 : Math.max(0, Math.floor((rows - taken) / running.length));
    return [{ running: running.map((step) => ({ step, logs: Math.min(logs, logRows) })), waiting: [] }];
  }
  let left = rows - taken - titles;
  const logs = running.length === 0 ? 0 : Math.min(logRows, Math.floor(left / running.length));
  for (const { tail } of running) left -= Math.min(logs, tail.length);
  return [...groups.values()].map(({ title, steps, waits }): Branch => {
    const waiting = shownWaiting(waits, left);
    left -= waiting.length;
    return { title, running: steps.map((step) => ({ step, logs })), waiting };
  });
}

interface Group {
  readonly title: string;
  readonly steps: StepView[];
  readonly waits: StepView[];
}

/** Groups of steps that run, in the order these started; steps that wait join the groups that are there. */
function groupSteps(view: BuildView, running: readonly StepView[]): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  for (const step of running) {
    const key = groupOf(step);
    const group = groups.get(key) ?? { title: titleOf(view, step), steps: [], waits: [] };
    groups.set(key, group);
    group.steps.push(step);
  }
  for (const waiting of waitingCommands(view.steps))
    for (const [key, { waits }] of groups) waits.push(...(waiting.get(key) ?? []));
  // Daemons name steps in no order; they run as they stand in the file.
  for (const { waits } of groups.values()) waits.sort((a, b) => placeOf(a) - placeOf(b));
  return groups;
}

/** The commands that wait, by their groups. */
const waitingCommands = byChunk((steps: readonly StepView[]) =>
  Map.groupBy(
    steps.filter(({ status, kind }) => status === 'waiting' && kind === 'command'),
    groupOf,
  ),
);

function placeOf({ place }: StepView): number {
  return place?.start.offset ?? 0;
}

function groupOf(step: StepView): string {
  return `${ownerOf(step)} ${step.architecture ?? ''}`;
}

function ownerOf(step: StepView): string {
  return step.package ?? (step.kind === 'environment' ? 'environment' : 'sources');
}

function titleOf({ architectures }: BuildView, step: StepView): string {
  const { architecture = architectures[0] } = step;
  return architecture === undefined ? ownerOf(step) : `${ownerOf(step)} (${architecture})`;
}

function shownWaiting(steps: readonly StepView[], rows: number): readonly string[] {
  if (rows <= 0 || steps.length === 0) return [];
  const shown = Math.min(waitingRows, rows, steps.length);
  const names = steps.slice(0, shown).map(({ name }) => name);
  const rest = steps.length - shown;
  if (rest === 0) return names;
  return rows > shown ? [...names, `${rest} more`] : [...names.slice(0, -1), `${rest + 1} more`];
}
