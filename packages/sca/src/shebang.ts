/** What the first line of a script says about what runs it. */
export type Shebang =
  | { readonly kind: 'none' }
  | { readonly kind: 'program'; readonly program: string }
  /** The line names no program that could be depended on. */
  | { readonly kind: 'unclear'; readonly why: string };

/** How much of a file's start Linux looks at. */
export const shebangBytes = 256;

/**
 * Reads the `#!` line of a script from the first bytes of the file.
 *
 * `env` in any directory is seen through, with `-S` also the words after it; variables set there are passed
 * over. With other options of `env`, or with several arguments that Linux would hand over as one, it is
 * unclear what runs.
 */
export function parseShebang(start: Uint8Array): Shebang {
  const bytes = Buffer.from(start.buffer, start.byteOffset, Math.min(start.byteLength, shebangBytes));
  if (bytes.toString('latin1', 0, 2) !== '#!') return { kind: 'none' };
  const end = bytes.indexOf(0x0a);
  const line = bytes.toString('utf8', 2, end < 0 ? bytes.length : end);
  const [program, ...rest] = line.split(/[\s\u0085]+/).filter((word) => word !== '');
  if (program === undefined) return { kind: 'none' };
  if (!/^(.*\/)?env$/.test(program)) return { kind: 'program', program };
  const [first, ...more] = rest;
  if (first === undefined) return { kind: 'unclear', why: 'it runs env without a program' };
  if (first === '-S' || first === '--split-string') {
    const named = more.find((word) => !/^[A-Za-z_][A-Za-z0-9_]*=/.test(word));
    if (named !== undefined && !named.startsWith('-')) return { kind: 'program', program: named };
    return { kind: 'unclear', why: 'it runs env with options of which the program cannot be told' };
  }
  if (more.length > 0) {
    return {
      kind: 'unclear',
      why: `it hands env ${rest.length} arguments, which Linux passes on as one; write env -S`,
    };
  }
  return { kind: 'program', program: first };
}
