import { diagnostic, type Diagnostic } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { parseShebang, shebangBytes } from './shebang.ts';
import { baseName, isFile, type Found, type Subject } from './subject.ts';

const directories = ['usr/bin/', 'usr/local/bin/', 'usr/local/sbin/'];

/** Interpreters that nobody depends on by name: several packages offer them, or the base system has them. */
const ignored: ReadonlySet<string> = new Set(['python3', 'python', 'sh', 'awk', 'luajit']);

/** A script among the commands needs the program that its first line names. */
export async function scripts({ tree }: Subject): Promise<Found> {
  const depends: string[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const entry of tree.entries) {
    const path = entry.header.name;
    if (!isFile(entry) || entry.content === undefined || !directories.some((d) => path.startsWith(d)))
      continue;
    const length = Math.min(shebangBytes, entry.content.size);
    const shebang = parseShebang(await entry.content.read(0, length));
    if (shebang.kind === 'unclear') {
      const details = { path, why: shebang.why };
      diagnostics.push(diagnostic(errors, 'SCA_SHEBANG_UNCLEAR', details, { severity: 'warning' }));
    } else if (shebang.kind === 'program') {
      const name = baseName(shebang.program.replace(/\/+$/, ''));
      if (!ignored.has(name)) depends.push(`cmd:${name}`);
    }
  }
  return { depends, diagnostics };
}
