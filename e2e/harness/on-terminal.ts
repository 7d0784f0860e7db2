import { spawn } from 'node:child_process';

export interface TerminalOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What is typed when a text is seen, each once, in this order. */
  readonly answers?: readonly (readonly [seen: string, typed: string])[];
  readonly columns?: number;
  readonly rows?: number;
  /** Told of all output as it comes; `hangUp` closes the terminal. */
  readonly onOutput?: (text: string, hangUp: () => void) => void;
}

export interface SeenOnTerminal {
  readonly text: string;
  readonly code: number | null;
}

/** Runs a program on a terminal of its own (util-linux' `script`), 80 columns by 24 rows unless given. */
export function onTerminal(args: readonly string[], options: TerminalOptions): Promise<SeenOnTerminal> {
  const { columns = 80, rows = 24, answers = [] } = options;
  const quoted = args.map((arg) => `'${arg.replaceAll("'", `'"'"'`)}'`).join(' ');
  const command = `stty rows ${rows} cols ${columns}; exec ${quoted}`;
  return new Promise((resolve, reject) => {
    const child = spawn('script', ['-qefc', command, '/dev/null'], {
      cwd: options.cwd,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        TERM: 'xterm-256color',
        SHELL: '/bin/sh',
        ...options.env,
      },
    });
    let text = '';
    let looked = 0;
    let next = 0;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      options.onOutput?.(chunk, () => child.kill('SIGKILL'));
      for (;;) {
        const [seen, typed] = answers[next] ?? [];
        const at = seen === undefined ? -1 : text.indexOf(seen, looked);
        if (seen === undefined || typed === undefined || at < 0) return;
        looked = at + seen.length;
        next++;
        child.stdin.write(typed);
      }
    });
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (code) => resolve({ text, code }));
  });
}
