import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig, queryConfig } from './index.ts';

const { value: config } = parseConfig(
  `package:
  name: hello
  version: "2.12"
  epoch: 7
  timeout: 90m
  copyright: [{license: MIT}, {license: Zlib}]
  cpe: {vendor: gnu, product: hello}
vars: {b: two, a: one}
pipeline:
  - uses: fetch
    with: {uri: u}
  - {name: second, runs: x}
subpackages:
  - name: hello-doc
  - name: hello-dev
test:
  pipeline: [{runs: y}]
`,
  'hello.yaml',
);

function query(template: string): string {
  if (config === undefined) throw new Error('no build file');
  const { output, problem } = queryConfig(config, template);
  return problem === undefined ? output : `${output}[${problem.span?.start.column}: ${problem.message}]`;
}

test.each([
  ['{{ .Package.Name }}-{{ .Package.FullVersion }}', 'hello-2.12-r7'],
  [
    '{{ range $i, $s := .Subpackages }}{{ if $i }}, {{ end }}{{ $s.Name }}{{ else }}none{{ end }}',
    'hello-doc, hello-dev',
  ],
  ['{{ range $k, $v := .Vars }}{{ $k }}={{ $v }} {{ end }}', 'a=one b=two '],
  ['{{ range .Pipeline }}{{ if eq .Uses "fetch" }}{{ continue }}{{ end }}{{ .Name }}{{ end }}', 'second'],
  ['{{ range $x := .Subpackages }}{{ $x.Name }}{{ break }}{{ end }}', 'hello-doc'],
  ['{{ with .Test }}{{ len .Pipeline }}{{ end }}{{ with .Package.Options }}x{{ else }}-{{ end }}', '1-'],
  ['{{ if false }}a{{ else if .Vars }}b{{ else }}c{{ end }}', 'b'],
  ['{{ $n := 1 }}{{ range .Pipeline }}{{ $n = 5 }}{{ end }}{{ $n }}', '5'],
  [
    '{{ define "row" }}<{{ .Name }}>{{ end }}{{ range .Subpackages }}{{ template "row" . }}{{ end }}',
    '<hello-doc><hello-dev>',
  ],
  ['a {{- /* gone */ -}} b {{- " c" }}', 'ab c'],
  [
    '{{ .Package.LicenseExpression }} {{ .Package.Timeout }} {{ .Package.CPEString }}',
    'MIT AND Zlib 1h30m0s cpe:2.3:*:gnu:hello:2.12:*:*:*:*:*:*:*',
  ],
  ['{{ (index .Pipeline 0).With.uri }} {{ index .Vars "nope" }} {{ .Vars.nope }}', 'u  <no value>'],
  [
    '{{ and "a" "" }}|{{ or "" "b" }}|{{ and true (or false 3) }}|{{ or true (index .Pipeline 9) }}',
    '|b|3|true',
  ],
  ['{{ .Package.Name | printf "%-8s|%8.2s|%q|%x" "a" "bcd" "e" }}', 'a       |      bc|"e"|68656c6c6f'],
  ['{{ printf "%05d %+d %x %#x %c %U %b %o" -42 7 255 255 65 65 5 8 }}', '-0042 +7 ff 0xff A U+0041 101 10'],
  ['{{ printf "%.2f %e %g %v" 3.14159 1500.0 0.00001 2.5 }}', '3.14 1.500000e+03 1e-05 2.5'],
  [
    '{{ printf "%d %s" "a" 1 }} {{ printf "%d" }} {{ printf "x" 1 }} {{ printf "%[2]s %[1]s" "a" "b" }}',
    '%!d(string=a) %!s(int=1) %!d(MISSING) x%!(EXTRA int=1) b a',
  ],
  ['{{ printf "%T" .Package.Epoch }} {{ .Package.Checks }}', 'uint64 {[]}'],
  [
    '{{ print 1 2 "a" 3 nil }} {{ println 1 "a" }}{{ html "<&>" }} {{ js "a\'b" }} {{ urlquery "a b/c" }}',
    "1 2a3 <nil> 1 a\n&lt;&amp;&gt; a\\'b a+b%2Fc",
  ],
  [
    '{{ slice "hello" 1 3 }} {{ slice .Pipeline 1 | len }} {{ len "é" }} {{ 0x10 }} {{ \'a\' }} {{ 1_000 }}',
    'el 1 2 16 97 1000',
  ],
  ['{{ lt 1 2 }} {{ ge "b" "a" }} {{ eq 1 2 1 }} {{ ne "a" "b" }} {{ not "" }}', 'true true true true true'],
])('%s', (template, output) => {
  expect(query(template)).toBe(output);
});

test.each([
  ['{{ .Package.Name', '[1: The template cannot be read: the action "{{" is not closed.]'],
  ['{{ if .Vars }}x', '[16: The template cannot be read: an {{end}} is missing.]'],
  ['{{ end }}', '[1: The template cannot be read: there is nothing for this {{end}}.]'],
  ['{{ $x }}', '[4: The template cannot be read: there is no variable "$x".]'],
  ['{{ nope 1 }}', '[4: The template cannot be read: there is no function "nope".]'],
  ['{{ break }}', '[1: The template cannot be read: {{break}} is not within a {{range}}.]'],
  ['{{ 1 | 2 }}', '[8: The template cannot be read: what stands behind "|" is nothing that can be called.]'],
  [
    'a{{ .Nope }}',
    'a[5: The template went wrong here: *config.Configuration has no field Nope, but Package, Environment, Capabilities, Pipeline, Subpackages, Data, Update, Vars, VarTransforms, Options, Test, Name, AllPackageNames, Root.]',
  ],
  ['{{ .Package.Name.X }}', '[4: The template went wrong here: a value of string has no field X.]'],
  ['{{ len 3 }}', '[4: The template went wrong here: a value of int has no length.]'],
  ['{{ eq 1 "a" }}', '[4: The template went wrong here: int and string cannot be compared.]'],
  [
    '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
    '[17: The template went wrong here: templates lie too deep in each other.]',
  ],
  ['{{ range 100000000 }}{{ end }}', '[10: The template went wrong here: this is repeated too often.]'],
])('%s is wrong', (template, output) => {
  expect(query(template)).toBe(output);
});

test('no template crashes, and every problem has its place in it', () => {
  const piece = fc.constantFrom(
    ...'{{ |}}|{{- | -}}|.Package|.Name|.Vars|$x|:=|=|,|(|)|"a"|`b`|range |if |with |else |end |define |template |block |break |printf |index |len |and |1|-2.5|\'c\'|nil |true|/*|*/| |.|$|text'.split(
      '|',
    ),
    '|',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
      const template = pieces.join('');
      const { problem } = queryConfig(config!, template);
      if (problem === undefined) return;
      expect(problem.span?.end.offset).toBeLessThanOrEqual(template.length);
    }),
    { numRuns: 3000 },
  );
});

test('a variable that is set without having been declared ends the output there', () => {
  expect(query('a{{ $v = 1 }}b{{ $v }}')).toBe(
    'a[10: The template went wrong here: there is no variable "$v".]',
  );
  expect(query('a{{ index nil }}')).toMatch(/^a\[/);
});
