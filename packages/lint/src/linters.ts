import { duplicateLinter } from './duplicate-linter.ts';
import { elfLinters } from './elf-linters.ts';
import { kindLinters } from './kind-linters.ts';
import type { Linter } from './linter.ts';
import { modeLinters } from './mode-linters.ts';
import { nameLinters } from './name-linters.ts';
import { placeLinters } from './place-linters.ts';
import { pythonLinters } from './python-linters.ts';

/** All linters, sorted by name. */
export const linters: readonly Linter[] = [
  ...placeLinters,
  ...kindLinters,
  ...modeLinters,
  ...elfLinters,
  ...pythonLinters,
  ...nameLinters,
  duplicateLinter,
].toSorted((a, b) => (a.name < b.name ? -1 : 1));
