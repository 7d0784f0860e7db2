import { setTimeout } from 'node:timers/promises';
import { type LogLine, logLines, type StatusEvent } from '@melange2/buildkit-client';
import type { Span } from '@melange2/diagnostics';
import type { PlannedStep } from '@melange2/pipeline';
import type { StepKind } from '@melange2/progress';
import type { EarlierTimes } from '../records/earlier-times.ts';
import type { EventBus } from '../event-bus.ts';

/** What is known of a vertex before the daemon names it. */
export interface KnownVertex {
  readonly name: string;
  readonly kind: StepKind;
  readonly package?: string;
  readonly place?: Span;
  /** The step of the plan, for the command itself. */
  readonly step?: PlannedStep;
  /** All steps that the vertex runs, when it runs several: tests announce each with a line `==> N/M NAME`. */
  readonly steps?: readonly PlannedStep[];
}

export interface StepTrackerOptions {
  /** Told of a cache outside the daemon that it could not read. Default: a warning. */
  readonly onCacheUnread?: (cache: string, why: string) => void;
  readonly bus: EventBus;
  readonly architecture: string;
  /** Vertices of the definition, by digest. */
  readonly known: ReadonlyMap<string, KnownVertex>;
  /** The file that the whole log of a step goes to. */
  readonly logFile: (step: string, name: string) => string;
  /** How long a step ran in earlier builds. */
  readonly expectedMs?: EarlierTimes;
}

interface Tracked {
  readonly id: string;
  readonly name: string;
  readonly open: Set<number>;
  announced: boolean;
  clipped: boolean;
  reached: number;
  /** When it was first started, if it has run. */
  startedMs?: number;
  ran: boolean;
  error?: string;
}

/** Turns what the daemon tells of its vertices into the events of a build. */
export interface StepTracker {
  receive(event: StatusEvent): void;
  /** Whether the daemon did not send the whole output of a vertex. */
  isClipped(vertex: string): boolean;
  /** When a vertex that was not taken from a cache was started, by the daemon's clock. */
  ranSince(vertex: string): number | undefined;
  /**
   * The first vertex that failed. Daemons that do not say it with the failure tell it in their status, which may come a
   * little later: it is waited for as long as given.
   */
  failed(withinMs: number): Promise<string | undefined>;
  /** Which of its steps a vertex that runs several has announced last, counted from 0. */
  reached(vertex: string): number;
  /** The last lines of a vertex, until it has ended well. */
  tail(vertex: string): readonly string[];
  /** The file with the whole output of a vertex. */
  logFile(vertex: string): string | undefined;
}

const pollMs = 50;
const tailLines = 40;
const clipMarker = /^\[output clipped, log limit .* reached\]$/;

/** Makes the tracker of one solve. The steps' ids are `<architecture>/<vertex digest>`. */
export function stepTracker(options: StepTrackerOptions): StepTracker {
  const { bus, architecture, known, logFile } = options;
  const lines = logLines();
  const tracked = new Map<string, Tracked>();
  const tails = new Map<string, string[]>();

  const announce = (step: Tracked, vertex: string): void => {
    if (step.announced) return;
    step.announced = true;
    const facts = known.get(vertex);
    const expectedMs = options.expectedMs?.(architecture, facts?.package, step.name);
    bus.emit({
      type: 'stepPlanned',
      step: step.id,
      name: step.name,
      kind: facts?.kind ?? kindOf(step.name),
      architecture,
      logFile: logFile(step.id, step.name),
      ...(facts?.package === undefined ? {} : { package: facts.package }),
      ...(facts?.place === undefined ? {} : { place: facts.place }),
      ...(facts?.step === undefined ? {} : { planned: facts.step.id }),
      ...(expectedMs === undefined ? {} : { expectedMs }),
    });
  };

  const warn = (text: string): void => bus.emit({ type: 'notice', level: 'warning', text, architecture });
  const onCacheUnread =
    options.onCacheUnread ?? ((cache, why) => warn(`The cache ${cache} was not read: ${why}`));

  const log = (step: Tracked, vertex: string, found: readonly LogLine[]): void => {
    const tail = tails.get(vertex) ?? [];
    tails.set(vertex, tail);
    const steps = known.get(vertex)?.steps;
    for (const { text, stream, atMs } of found) {
      const [, number, count] = /^==> (\d+)\/(\d+) /.exec(text) ?? [];
      if (steps !== undefined && Number(count) === steps.length) step.reached = Number(number) - 1;
      if (clipMarker.test(text)) step.clipped = true;
      tail.push(text);
      if (tail.length > tailLines) tail.shift();
      bus.emit({ type: 'stepLog', step: step.id, stream, text, atMs });
    }
  };

  return {
    reached: (vertex) => tracked.get(vertex)?.reached ?? 0,
    isClipped: (vertex) => tracked.get(vertex)?.clipped ?? false,
    ranSince: (vertex) => {
      const step = tracked.get(vertex);
      return step?.ran === true ? step.startedMs : undefined;
    },
    failed: async (withinMs) => {
      for (let waitedMs = 0; ; waitedMs += pollMs) {
        const found = [...tracked].find(([, { error }]) => error !== undefined && error !== 'canceled')?.[0];
        if (found !== undefined || waitedMs >= withinMs) return found;
        await setTimeout(pollMs);
      }
    },
    tail: (vertex) => tails.get(vertex) ?? [],
    logFile: (vertex) => {
      const step = tracked.get(vertex);
      return step === undefined ? undefined : logFile(step.id, step.name);
    },
    receive(event) {
      if (event.type === 'vertexAdded') {
        if (tracked.has(event.vertex)) return;
        const step: Tracked = {
          id: `${architecture}/${event.vertex}`,
          name: known.get(event.vertex)?.name ?? event.name,
          open: new Set(),
          announced: false,
          clipped: false,
          reached: 0,
          ran: false,
        };
        tracked.set(event.vertex, step);
        announce(step, event.vertex);
        return;
      }
      const step = tracked.get(event.vertex);
      if (step === undefined) {
        if (event.type === 'vertexWarning') warn(event.short);
        return;
      }
      switch (event.type) {
        case 'vertexStarted':
          if (step.open.size === 0) bus.emit({ type: 'stepStarted', step: step.id, atMs: event.startedMs });
          step.open.add(event.startedMs);
          step.startedMs ??= event.startedMs;
          break;
        case 'vertexCompleted': {
          // Of a vertex that was started again, old daemons may never say that its earlier interval is over.
          for (const startedMs of step.open) {
            if (startedMs <= event.startedMs) step.open.delete(startedMs);
          }
          step.ran ||= !event.cached;
          if (event.error !== undefined) {
            // Caches in clouds have a number there, which says nothing to anybody.
            const cache = /^importing cache manifest from (.*)$/s
              .exec(step.name)?.[1]
              ?.replace(/^(gha|s3|azblob):\d+$/, 'of type $1');
            // The daemon goes on without a cache that it cannot read.
            if (cache === undefined) step.error = failureText(event.error);
            else onCacheUnread(cache, failureText(event.error));
          }
          if (step.open.size > 0) break;
          log(step, event.vertex, lines.flush(event.vertex));
          const exitCode = /exit code: (\d+)/.exec(step.error ?? '')?.[1];
          bus.emit({
            type: 'stepFinished',
            step: step.id,
            cached: event.cached,
            durationMs: event.cached ? 0 : event.completedMs - event.startedMs,
            atMs: event.completedMs,
            ...(step.error === undefined ? {} : { error: step.error }),
            ...(exitCode === undefined ? {} : { exitCode: Number(exitCode) }),
          });
          // Of ten thousand steps they would fill the memory.
          if (step.error === undefined) tails.delete(event.vertex);
          break;
        }
        case 'vertexLog':
          log(step, event.vertex, lines.push(event));
          break;
        case 'vertexProgress':
          bus.emit({
            type: 'stepProgress',
            step: step.id,
            item: event.name === '' ? event.id : event.name,
            current: event.current,
            unit: 'bytes',
            finished: event.completedMs !== undefined,
            atMs: event.atMs,
            ...(event.total === 0 ? {} : { total: event.total }),
          });
          break;
        case 'vertexWarning':
          warn(event.short);
          break;
      }
    },
  };
}

/**
 * The daemon's words without the command line that it repeats, which for a script is the whole script; one line.
 */
export function failureText(text: string): string {
  if (text.endsWith('context canceled')) return 'canceled';
  const cause = /^.*(?:did not complete successfully|executor failed running \[.*\]): (.+)$/s.exec(text)?.[1];
  const short = (cause ?? text).replace(/^failed to solve: /, '').split('\n')[0] ?? text;
  return short.length > 400 ? `${short.slice(0, 400)}…` : short;
}

/** What a vertex that is not of our making is for, from the name the daemon gave it. */
function kindOf(name: string): StepKind {
  if (/^exporting |^sending /.test(name)) return 'export';
  if (/^\[internal\]|^(merge|diff) /.test(name)) return 'internal';
  if (/^(docker-image|oci-layout|local|git|http|https):\/\/|^importing cache /.test(name)) return 'source';
  return 'command';
}
