import { expect, test } from 'vitest';
import {
  copy,
  definitionToDot,
  definitionToMermaid,
  diffDefinitions,
  formatDefinition,
  formatDefinitionDiff,
  image,
  local,
  marshal,
  mkdir,
  readGraph,
  scratch,
  type Definition,
  type State,
} from './index.ts';

const yaml = { filename: 'hello.yaml', data: 'pipeline:\n  - runs: make\n', language: 'YAML' };

function make(script: string, user = 'build'): State {
  const tree = image('alpine:3.20', { customName: 'environment' }).file([
    mkdir('/home/build', { owner: '1000:1000', makeParents: true }),
    copy(local('source'), '/', '/home/build/', { copyDirContentsOnly: true }),
  ]);
  return tree
    .run({
      args: ['/bin/sh', '-c', script],
      cwd: '/home/build',
      user,
      network: 'none',
      mounts: [{ kind: 'bind', dest: '/out' }],
      customName: 'make',
      locations: [
        { file: yaml, ranges: [{ start: { line: 2, character: 4 }, end: { line: 2, character: 14 } }] },
      ],
    })
    .mount('/out');
}

const definition = (state: State): Definition => marshal(state, { platform: 'linux/amd64' });

test('a definition is printed with one line an op', () => {
  expect(formatDefinition(definition(make('make install')))).toMatchInlineSnapshot(`
    "%1 source docker-image://docker.io/library/alpine:3.20  platform=linux/amd64  # "environment"
    %2 source local://source
    %3 file %1 mkdir /home/build 0755 parents owner=1000:1000; ^ copy %2:/ /home/build/ contents
    %4 exec %3 /bin/sh -c "make install"  cwd=/home/build  user=build  network=none  /out=scratch  platform=linux/amd64  # "make" at hello.yaml:2
    result %4[1]
    "
  `);
});

test('a change of one op shows in one line, unless digests are asked for', () => {
  const lines = (script: string): string[] => formatDefinition(definition(make(script))).split('\n');
  const after = lines('make -j4');
  expect(lines('make').filter((line, i) => line !== after[i])).toHaveLength(1);
  expect(formatDefinition(definition(make('make')), { digests: true })).toMatch(/^[0-9a-f]{12} %1 source /);
});

test('the empty file system is printed, drawn and read as such', () => {
  const nothing = definition(scratch());
  expect(formatDefinition(nothing)).toBe('result scratch\n');
  expect(readGraph(nothing)).toEqual({ ops: [], result: undefined });
  expect(definitionToMermaid(nothing)).toBe('flowchart TD\n');
});

test('a difference names the op that is the reason, not those built on it', () => {
  const before = definition(scratch().file(copy(make('make'), '/', '/')));
  const after = definition(scratch().file(copy(make('make', 'root'), '/', '/')));
  expect(formatDefinitionDiff(diffDefinitions(before, after))).toMatchInlineSnapshot(`
    "~ %4 exec make
        exec.meta.user: "build" -> "root"
    "
  `);
});

test('an op that was put in between is named as added, and what it was put under', () => {
  const base = image('alpine:3.20');
  const before = definition(base.run({ args: ['make'] }).root);
  const after = definition(base.file(mkdir('/src')).run({ args: ['make'] }).root);
  expect(formatDefinitionDiff(diffDefinitions(before, after))).toMatchInlineSnapshot(`
    "+ %2 file mkdir /src
    ~ %2 -> %3 exec make
        inputs[0]: %1 -> %2
    "
  `);
  expect(formatDefinitionDiff(diffDefinitions(after, before))).toMatchInlineSnapshot(`
    "- %2 file mkdir /src
    ~ %3 -> %2 exec make
        inputs[0]: %2 -> %1
    "
  `);
});

test('another output of the same op is a change of the result', () => {
  const exec = image('alpine:3.20').run({ args: ['make'], mounts: [{ kind: 'bind', dest: '/out' }] });
  expect(formatDefinitionDiff(diffDefinitions(definition(exec.root), definition(exec.mount('/out'))))).toBe(
    '~ result: %2 -> %2[1]\n',
  );
});

test('a definition is drawn for Graphviz', () => {
  expect(definitionToDot(definition(make('make "all"')), { maxNameLength: 20 })).toMatchInlineSnapshot(`
    "digraph llb {
      node [shape=box];
      n1 [label="environment", shape=ellipse];
      n2 [label="local://source", shape=ellipse];
      n3 [label="mkdir /home/build, …", shape=note];
      n4 [label="make", shape=box];
      n1 -> n3;
      n2 -> n3;
      n3 -> n4;
      n4 -> result;
      result [shape=plaintext];
    }
    "
  `);
});

test('a definition is drawn for Mermaid, whatever is in its names', () => {
  const state = image('alpine:3.20').run({ args: ['sh', '-c', 'echo "<b>#`x`&"'] }).root;
  expect(definitionToMermaid(definition(state))).toMatchInlineSnapshot(`
    "flowchart TD
      n1(["docker-image://docker.io/library/alpine:3.20"])
      n2["sh -c echo #34;#60;b#62;#35;#96;x#96;#38;#34;"]
      n1 --> n2
      n2 --> result([result])
    "
  `);
});

test('what is no definition is refused with a reason', () => {
  const { def, metadata } = definition(make('make'));
  const broken = (ops: readonly Uint8Array[]): Definition => ({
    def: ops,
    metadata,
    Source: undefined,
    head: undefined,
  });
  expect(() => readGraph(broken(def.slice(0, -1)))).toThrow('its last op does not point to a result');
  expect(() => readGraph(broken(def.slice(1)))).toThrow('which is not there before it');
  expect(() => readGraph(broken([new Uint8Array([10, 5])]))).toThrow('its op 1 cannot be read');
});
