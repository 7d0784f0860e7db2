import { formatPlace, wrapWords } from '@melange2/diagnostics';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';
import { stripVTControlCharacters } from 'node:util';
import {
  type BuildEvent,
  type BuildView,
  displayWidth,
  emptyView,
  reduce,
  type RendererOutput,
  stepEnds,
  summaryLines,
} from '@melange2/progress';
import pc from 'picocolors';
import { drawFinished, drawLive, type Paint, type Size } from './draw.ts';

export interface ProgressTtyOptions {
  readonly output: RendererOutput;
  /** The clock, in milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Shortest time between two redraws in milliseconds. Default 100. */
  readonly intervalMs?: number;
}

// DEC mode 2026: a terminal that knows it shows the whole frame at once, so nothing flickers.
const beginFrame = '\u001b[?2026h';
const endFrame = '\u001b[?2026l';
const eraseLine = '\u001b[K';
const eraseBelow = '\u001b[J';

/** Draws the build as a live picture at the bottom of a terminal; finished steps scroll away above it. */
export function progressTty(options: ProgressTtyOptions): Plugin {
  const name = '@melange2/progress-tty';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      const screen = new Screen(options);
      hooks.eventReceived.tap(name, (event) => screen.receive(event));
      hooks.closed.tapPromise(name, async () => screen.close());
    },
  };
}

class Screen {
  readonly #options: ProgressTtyOptions;
  readonly #paint: Paint;
  #view: BuildView = emptyView;
  readonly #ends = stepEnds();
  #pending: string[] = [];
  /** Widths of the lines of the last picture. */
  #drawn: readonly number[] = [];
  #shownText = '';
  #timer: NodeJS.Timeout | undefined;
  #done = false;

  constructor(options: ProgressTtyOptions) {
    this.#options = options;
    this.#paint = pc.createColors(options.output.colors);
  }

  receive(event: BuildEvent): void {
    if (this.#done) return;
    this.#view = reduce(this.#view, event);
    const told = this.#permanent(event).flatMap((line) => wrapWords(line, this.#size().columns));
    this.#pending.push(...this.#finished(event), ...told);
    if (event.type === 'buildPaused') {
      this.#stopTimer();
      this.#frame(this.#pending, []);
    }
    if (this.#view.paused) return;
    if (event.type === 'buildFinished') {
      this.#done = true;
      this.#stopTimer();
      this.#frame([...this.#pending, '', ...summaryLines(this.#view, this.#size().columns)], []);
      return;
    }
    // The timer runs on while the build does: elapsed times change without events.
    this.#timer ??= setInterval(() => this.#redraw(), this.#options.intervalMs ?? 100).unref();
  }

  close(): void {
    this.#stopTimer();
    if (!this.#done) this.#frame(this.#pending, []);
    this.#done = true;
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #size(): Size {
    const { columns, rows } = this.#options.output;
    // The last column stays free: behind a character in it, terminals differ on where the cursor is.
    return { columns: Math.max(20, columns ?? 80) - 1, rows: Math.max(4, rows ?? 24) };
  }

  #redraw(): void {
    this.#frame(this.#pending, drawLive(this.#view, this.#size(), this.#options.now(), this.#paint));
  }

  #frame(permanent: readonly string[], live: readonly string[]): void {
    const { columns } = this.#size();
    const body = [...permanent, ...live].map((line) => `${line}${eraseLine}\n`).join('');
    // What is there already needs no writing.
    if (permanent.length === 0 && body === this.#shownText) return;
    // A terminal that has become narrower has wrapped what it shows.
    const rows = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / (columns + 1))), 0);
    const up = rows > 0 ? `\u001b[${rows}A\r` : '';
    this.#options.output.write(`${beginFrame}${up}${body}${eraseBelow}${endFrame}`);
    this.#pending = [];
    this.#drawn = live.map((line) => displayWidth(stripVTControlCharacters(line)));
    this.#shownText = permanent.length === 0 ? body : '';
  }

  #finished(event: BuildEvent): string[] {
    return this.#ends(this.#view, event)
      .map((step) => drawFinished(this.#view, step, this.#size(), this.#paint))
      .filter((line) => line !== undefined);
  }

  #permanent(event: BuildEvent): string[] {
    const paint = this.#paint;
    switch (event.type) {
      case 'problemFound': {
        const { problem } = event;
        const place = problem.span === undefined ? '' : `${formatPlace(problem.span)}: `;
        const color = problem.severity === 'error' ? paint.red : paint.yellow;
        return [`${place}${color(problem.severity)} ${problem.code}: ${problem.message}`];
      }
      case 'notice':
        return [event.level === 'warning' ? paint.yellow(event.text) : event.text];
      default:
        return [];
    }
  }
}
