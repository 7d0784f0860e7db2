import { type Linter, linters } from '@melange2/lint';

/** The linters that come with melange2, sorted by name, without those of plugins. */
export function listLinters(): readonly Pick<Linter, 'name' | 'level' | 'explain'>[] {
  return linters;
}
