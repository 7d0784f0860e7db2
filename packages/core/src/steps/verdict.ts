/** Why a step failed, by kind. */
export type FailureCause =
  | 'memory'
  | 'space'
  | 'files'
  | 'timeout'
  | 'killed'
  | 'network'
  | 'permission'
  | 'shell'
  | MissingThing['kind'];

/** Something that the environment lacks; `name` is as the tools say it: `zlib.h`, `ssl` of `-lssl`, `libcurl`. */
export interface MissingThing {
  readonly kind: 'command' | 'header' | 'library' | 'module';
  readonly name: string;
}

/** Why a step failed, as far as that can be known. */
export interface Verdict {
  readonly cause: FailureCause;
  /** For people; what to do about a missing thing is not in it. */
  readonly text: string;
  readonly missing?: MissingThing;
}

type Rule = readonly [pattern: RegExp, verdict: (match: RegExpExecArray) => Verdict];

const plain = (cause: FailureCause, text: string): (() => Verdict) => {
  const verdict = { cause, text };
  return () => verdict;
};

const missing =
  (kind: MissingThing['kind'], what: string) =>
  (match: RegExpExecArray): Verdict => {
    const name = match.slice(1).find((group) => group !== undefined) ?? '';
    return { cause: kind, text: `The ${what} ${name} is not in the environment.`, missing: { kind, name } };
  };

/** What last lines mean, by what they say; the first that fits the latest line counts. */
const rules: readonly Rule[] = [
  [
    /exec: "?\/bin\/sh"?: stat \/bin\/sh: no such file|exec: "?\/bin\/sh"?: .*not found/,
    plain('shell', 'The environment has no /bin/sh: add busybox to environment.contents.packages.'),
  ],
  [/No space left on device|ENOSPC|Disk quota exceeded/, plain('space', 'There was no space left to write.')],
  [
    /Too many open files|EMFILE|ENFILE/,
    plain('files', 'The step had more files open than the daemon allows (ulimit -n).'),
  ],
  [
    /Cannot allocate memory|(?:virtual )?memory exhausted|[Oo]ut of memory|std::bad_alloc|MemoryError|heap out of memory/,
    plain('memory', 'The step ran out of memory: give the daemon more, or run less at once (make -j).'),
  ],
  [
    /Killed signal terminated program|^(?:.*: )?(?:line )?\d*:?\s*\d* ?Killed\b/,
    plain('killed', 'A program of the step was killed, most often because the machine ran out of memory.'),
  ],
  [
    /^(?:\/bin\/(?:sh|bash): |sh: |bash: |env: |.*: (?:line )?\d+: |make(?:\[\d+\])?: )['‘"]?([A-Za-z0-9_.+-]+)['’"]?: (?:command )?(?:[Nn]ot found|No such file or directory)$/,
    missing('command', 'command'),
  ],
  [/([A-Za-z0-9_.+-]+): command not found$/, missing('command', 'command')],
  [/^exec: "([A-Za-z0-9_.+-]+)": executable file not found/, missing('command', 'command')],
  [
    /fatal error: ['"]?([^\s:'"]+\.(?:h|hh|hpp|hxx|inc))['"]?(?:: No such file| file not found)/,
    missing('header', 'header'),
  ],
  [/(?:cannot find|unable to find library) -l([A-Za-z0-9_+.-]+)/, missing('library', 'library')],
  [
    /error while loading shared libraries: lib([^\s:]+?)\.so[^\s:]*: cannot open/,
    missing('library', 'library'),
  ],
  [
    /No package '([^']+)' found|Package ['"]?([^\s,'"]+)['"]?,? (?:required by .*, )?(?:was )?not found|Dependency "([^"]+)" not found/,
    missing('module', 'pkg-config module'),
  ],
  [
    /Could not resolve host|[Tt]emporary failure in name resolution|bad address '|Network is unreachable|unable to resolve host|Name or service not known|Connection timed out|Connection refused|no such host/,
    plain('network', 'The step did not reach the network: see --network.'),
  ],
  [
    /Permission denied|Operation not permitted|Read-only file system/,
    plain('permission', 'Something was refused: steps run as the build user (uid 1000), not as root.'),
  ],
];

/** Says why a step failed, where its exit code or its last lines tell; `undefined` when they do not. */
export function verdictOf(exitCode: number | undefined, tail: readonly string[]): Verdict | undefined {
  for (const line of tail.toReversed()) {
    for (const [pattern, verdict] of rules) {
      const match = pattern.exec(line);
      if (match !== null) return verdict(match);
    }
  }
  if (exitCode === 137) {
    return {
      cause: 'killed',
      text: 'It was killed (SIGKILL), most often because the machine ran out of memory.',
    };
  }
  if (exitCode === 143) return { cause: 'killed', text: 'It was asked to stop (SIGTERM).' };
  if (exitCode === 124) return { cause: 'timeout', text: 'A time limit inside of the step was reached.' };
  return undefined;
}
