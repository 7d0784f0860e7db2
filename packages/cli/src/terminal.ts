import pc from 'picocolors';

/** What commands may use of the process they run in; made once, in `main`. */
export interface Terminal {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly colors: ReturnType<typeof pc.createColors>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Standard error is a terminal that can be drawn on. */
  readonly interactive: boolean;
  readonly columns: () => number | undefined;
  readonly rows: () => number | undefined;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** The terminal of this process. */
export function processTerminal(signal: AbortSignal): Terminal {
  const { env } = process;
  const dumb = env['TERM'] === 'dumb';
  const interactive = process.stderr.isTTY && !dumb;
  const wanted = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0';
  const refused = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    colors: pc.createColors(wanted || (interactive && !refused)),
    env,
    cwd: process.cwd(),
    interactive,
    // Some pseudo-terminals have a width of 0.
    columns: () => process.stderr.columns || undefined,
    rows: () => process.stderr.rows,
    signal,
    now: () => Date.now(),
  };
}
