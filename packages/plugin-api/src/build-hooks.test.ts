import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createBuildHooks } from './index.ts';

test('the guide lists every hook, with its kind and its arguments, in order', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../../docs/plugins/README.md'), 'utf8');
  const rows = [...guide.matchAll(/^\| `(\w+)` +\| (\w+) +\| (?:`([^`]+)`|none) +\|/gm)].map((row) =>
    row.slice(1, 4),
  );
  const argumentsOf = (hook: object): string | undefined => {
    const names = (hook as { readonly _args?: readonly string[] })._args ?? [];
    return names.length === 0 ? undefined : names.join(', ');
  };
  const hooks = Object.entries(createBuildHooks() as unknown as Record<string, object>).map(
    ([name, hook]) => {
      const kind = hook.constructor.name;
      return [
        name,
        kind,
        argumentsOf(kind === 'HookMap' ? (hook as { for(key: string): object }).for('x') : hook),
      ];
    },
  );
  expect(rows).toEqual(hooks);
});
