import { describe, expect, test } from 'vitest';
import { pathFilter, type FilterVerdict } from './path-filter.ts';

/** Paths that end in a slash are folders. Returns those that would be sent, without folders on the way. */
function select(
  paths: readonly string[],
  include: readonly string[],
  exclude: readonly string[] = [],
): string[] {
  const filter = pathFilter(include, exclude);
  if (filter === undefined) return [...paths];
  const known = new Map<string, FilterVerdict>();
  return paths.filter((listed) => {
    const isDir = listed.endsWith('/');
    const path = isDir ? listed.slice(0, -1) : listed;
    const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : undefined;
    const parentVerdict = parent === undefined ? undefined : known.get(parent);
    if (parent !== undefined && (parentVerdict === undefined || parentVerdict.pruned)) return false;
    const verdict = filter.test(path, isDir, parentVerdict);
    if (isDir) known.set(path, verdict);
    return verdict.selected;
  });
}

const tree = [
  'a/',
  'a/b/',
  'a/b/c.go',
  'a/b/c.txt',
  'a/d.go',
  'a-b/',
  'a-b/e.go',
  'f.go',
  'vendor/',
  'vendor/g/',
  'vendor/g/h.go',
];

describe('include patterns', () => {
  test.each<[string[], string[]]>([
    [['a'], ['a/', 'a/b/', 'a/b/c.go', 'a/b/c.txt', 'a/d.go']],
    [['a/b/c.go'], ['a/b/c.go']],
    [['*.go'], ['f.go']],
    [['**/*.go'], ['a/b/c.go', 'a/d.go', 'a-b/e.go', 'f.go', 'vendor/g/h.go']],
    [['**/c.*'], ['a/b/c.go', 'a/b/c.txt']],
    [['a/*'], ['a/b/', 'a/b/c.go', 'a/b/c.txt', 'a/d.go']],
    [['a/**'], ['a/b/', 'a/b/c.go', 'a/b/c.txt', 'a/d.go']],
    [['a?b'], ['a-b/', 'a-b/e.go']],
    [['[fg].go'], ['f.go']],
    [['[^a]*.go'], ['f.go']],
    [
      ['a', '!a/b'],
      ['a/', 'a/d.go'],
    ],
    [
      ['a', '!a/b', 'a/b/c.txt'],
      ['a/', 'a/b/c.txt', 'a/d.go'],
    ],
    [['./a-b/'], ['a-b/', 'a-b/e.go']],
    [['**'], tree],
    [['nothing'], []],
    [[String.raw`a\-b`], ['a-b/', 'a-b/e.go']],
  ])('%j selects %j', (include, expected) => {
    expect(select(tree, include)).toEqual(expected);
  });
});

describe('exclude patterns', () => {
  test.each<[string[], string[]]>([
    [['vendor'], tree.slice(0, 8)],
    [
      ['vendor', '!vendor/g/h.go'],
      [...tree.slice(0, 8), 'vendor/g/h.go'],
    ],
    [['**/*.go'], ['a/', 'a/b/', 'a/b/c.txt', 'a-b/', 'vendor/', 'vendor/g/']],
    [['*', '!f.go'], ['f.go']],
    [['**', '!**/c.txt'], ['a/b/c.txt']],
    [
      ['a/b/**'],
      ['a/', 'a/b/', 'a/d.go', 'a-b/', 'a-b/e.go', 'f.go', 'vendor/', 'vendor/g/', 'vendor/g/h.go'],
    ],
  ])('%j leaves %j', (exclude, expected) => {
    expect(select(tree, [], exclude)).toEqual(expected);
  });

  test('what is included and excluded is excluded', () => {
    expect(select(tree, ['a'], ['**/*.txt'])).toEqual(['a/', 'a/b/', 'a/b/c.go', 'a/d.go']);
  });
});

test.each(['[abc', 'a\\', '!', '[]'])('the pattern %j is refused', (pattern) => {
  expect(() => pathFilter([pattern], [])).toThrow(
    expect.objectContaining({ code: 'SESSION_PATTERN_INVALID' }),
  );
});

test('folders in which nothing can be included are not looked into', () => {
  const filter = pathFilter(['a/b/c.go'], [])!;
  expect(filter.test('vendor', true, undefined).pruned).toBe(true);
  expect(filter.test('a', true, undefined)).toMatchObject({ selected: false, pruned: false });
  expect(pathFilter([], ['vendor'])!.test('vendor', true, undefined).pruned).toBe(true);
  expect(pathFilter([], ['vendor', '!**/x'])!.test('vendor', true, undefined).pruned).toBe(false);
});
