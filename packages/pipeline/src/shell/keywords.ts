/** What begins a compound command. */
export const compoundStarts: ReadonlySet<string> = new Set(
  '( { if while until for select case [[ let time coproc'.split(' '),
);

/** Commands whose arguments may be assignments of arrays. */
export const declarations: ReadonlySet<string> = new Set(
  'declare export local nameref readonly typeset'.split(' '),
);

/** Words that begin no simple command. */
export const reserved: ReadonlySet<string> = new Set([...compoundStarts, '!', 'function', ']]']);

/** Words that end the statements before them, and what each of them is for. */
export const closers: ReadonlyMap<string, string> = new Map([
  ['then', '"then" belongs after an "if" or "elif"'],
  ['elif', '"elif" belongs inside an "if"'],
  ['fi', '"fi" ends an "if"'],
  ['do', '"do" belongs after a "for", "while" or "until"'],
  ['done', '"done" ends a loop'],
  ['esac', '"esac" ends a "case"'],
  ['}', '} closes a {'],
]);
