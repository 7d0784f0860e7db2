/** Where the log of a step is kept inside of it: the folder is a mount of its own. */
export const logFolder = '/.melange2';

/** Name of the log file in {@link logFolder}. */
export const logFile = 'output';

export interface StepCommandOptions {
  /** Prints each command before it runs. */
  readonly trace?: boolean;
  /** Copies what the step prints to {@link logFile}. */
  readonly log?: boolean;
  /** The path that the log is copied to when the script fails. */
  readonly keepFailed?: string | undefined;
  /** Capabilities that the script and all that it starts are to lose, and the program that takes them. */
  readonly without?: { readonly tool: string; readonly capabilities: readonly string[] } | undefined;
  /** Words behind the script that nobody reads but who looks at the command itself. */
  readonly notes?: readonly string[];
}

// The shell of a build environment is bash, busybox or dash; only some know pipefail, and asking for an option
// that is not there ends a shell, so it is asked for in one that may end.
const probe =
  'if /bin/sh -o pipefail -c : 2>/dev/null; then set -- "$1" -o pipefail; else set -- "$1"; fi\nscript=$1; shift\n';

// tee gets both streams through a pipe; the exit code comes back through another (3), since the status of a pipe
// is that of its last command. A process left in the background keeps tee's pipe open, so tee is waited for only as
// long as the log still grows, and two seconds more: the step ends when its script does, as it would without the log.
const run = (flags: string): string => `/bin/sh ${flags} "$@" -c "$script"`;
const logged = (flags: string, kept?: string): string => `log=${logFolder}/${logFile}
if ! command -v tee >/dev/null 2>&1 || ! : 2>/dev/null >"$log"; then
  exec ${run(flags)}
fi
exec 4>&1
code=$(
  exec 3>&1 >&4
  { ${run(flags)} 3>&- 4>&-; echo $? >&3; } 2>&1 | { exec 3>&-; tee "$log"; : >"$log.end"; } &
)
i=0
while [ ! -e "$log.end" ] && [ $i -lt 5000 ]; do i=$((i+1)); done
size=; still=0
while [ ! -e "$log.end" ] && [ $still -lt 40 ]; do
  if sleep 0.05 2>/dev/null; then i=1; else sleep 1; i=20; fi
  now=$(wc -c <"$log" 2>/dev/null)
  if [ "$now" = "$size" ]; then still=$((still+i)); else still=0; size=$now; fi
done
rm -f "$log.end"
${kept === undefined ? '' : `[ "\${code:-1}" = 0 ] || cp "$log" ${kept} 2>/dev/null\n`}exit "\${code:-1}"
`;

/**
 * The arguments of the exec that runs a script, as the reference programs run it: `/bin/sh`, ending at the first
 * command that fails, also inside a pipe where the shell can tell (`pipefail`), and with success when the end is reached.
 *
 * The script is an argument of its own, unchanged: line numbers in the shell's messages are those of the script,
 * and nothing in it can reach beyond its end. Folders are not made here; the daemon makes the working directory.
 */
export function stepCommand(script: string, options: StepCommandOptions = {}): readonly string[] {
  const flags = options.trace ? '-ex' : '-e';
  const outer = probe + (options.log ? logged(flags, options.keepFailed) : `exec ${run(flags)}\n`);
  // A last line such as `[ -e x ] && y` leaves a status that is no failure.
  const shell = ['/bin/sh', '-c', outer, '/bin/sh', `${script}\nexit 0\n`, ...(options.notes ?? [])];
  return options.without === undefined ? shell : withoutCapabilities(shell, options.without);
}

/** The bounding set limits what root gets of its programs. What is inherited goes too: root keeps that of the bounding set. */
function withoutCapabilities(
  [program = '', ...args]: readonly string[],
  { tool, capabilities }: { readonly tool: string; readonly capabilities: readonly string[] },
): readonly string[] {
  if (tool.endsWith('/capsh')) {
    const names = capabilities.map((name) => (name === 'all' ? name : `cap_${name}`)).join(',');
    return [tool, `--drop=${names}`, `--shell=${program}`, '--', ...args];
  }
  const names = capabilities.map((name) => `-${name}`).join(',');
  return [tool, `--inh-caps=${names}`, `--bounding-set=${names}`, program, ...args];
}
