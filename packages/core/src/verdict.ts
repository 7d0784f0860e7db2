type Rule = readonly [pattern: RegExp, verdict: (match: RegExpExecArray) => string];

/** What last lines mean, by what they say; the first that fits the latest line counts. */
const rules: readonly Rule[] = [
  [
    /exec: "?\/bin\/sh"?: stat \/bin\/sh: no such file|exec: "?\/bin\/sh"?: .*not found/,
    () => 'The environment has no /bin/sh: add busybox to environment.contents.packages.',
  ],
  [/No space left on device|ENOSPC/, () => 'The disk of the BuildKit daemon is full.'],
  [/Too many open files|EMFILE/, () => 'The step opened more files than the daemon allows.'],
  [/(?:Cannot allocate memory|virtual memory exhausted|out of memory)/i, () => 'The step ran out of memory.'],
  [
    /(?:^|[\s:])([A-Za-z0-9_.+-]+): (?:command )?not found$/,
    (m) => `The command ${m[1]} is not in the environment: add the package that provides cmd:${m[1]}.`,
  ],
  [
    /fatal error: ([^\s:]+): No such file or directory/,
    (m) => `The header ${m[1]} is not in the environment: add the -dev package that has it.`,
  ],
  [
    /cannot find -l([A-Za-z0-9_+.-]+)/,
    (m) => `The library lib${m[1]} is not in the environment: add its -dev package.`,
  ],
  [
    /(?:No package '([^']+)' found|Package ([^\s,]+) was not found in the pkg-config search path|Dependency "([^"]+)" not found)/,
    (m) =>
      `The pkg-config module ${m[1] ?? m[2] ?? m[3]} is missing: add the package that provides pc:${m[1] ?? m[2] ?? m[3]}.`,
  ],
  [
    /(?:Could not resolve host|Temporary failure in name resolution|bad address|Network is unreachable|unable to resolve host)/,
    () => 'The step has no network, or it does not reach the host: see --network.',
  ],
  [
    /Permission denied|Operation not permitted/,
    () => 'Something was refused: steps run as the build user (uid 1000), not as root.',
  ],
];

/** Says why a step failed, where its exit code or its last lines tell; `undefined` when they do not. */
export function verdictOf(exitCode: number | undefined, tail: readonly string[]): string | undefined {
  if (exitCode === 137) return 'It was killed, most often because the machine ran out of memory.';
  if (exitCode === 143) return 'It was asked to stop (SIGTERM).';
  for (const line of tail.toReversed()) {
    for (const [pattern, verdict] of rules) {
      const match = pattern.exec(line);
      if (match !== null) return verdict(match);
    }
  }
  return undefined;
}
