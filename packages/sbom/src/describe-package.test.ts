import { expect, test } from 'vitest';
import {
  describePackage,
  formatSpdx,
  isLicenseExpression,
  organisation,
  sourcePackage,
  sourceSteps,
  spdxLicense,
} from './index.ts';
import type { DescribePackageOptions } from './index.ts';

const options: DescribePackageOptions = {
  name: 'tool',
  version: '1.0-r0',
  arch: 'x86_64',
  copyright: [{ license: 'MIT', attestation: '' }],
  namespace: 'wolfi',
  buildFile: { path: 'tool.yaml', repository: 'https://github.com/wolfi-dev/os', commit: 'c0ffee' },
  sources: [],
  createdSeconds: 0,
  tool: 'melange2 (test)',
};

test('the document of another package or architecture has another namespace, that of the same one has not', () => {
  const namespaces = [options, options, { ...options, name: 'other' }, { ...options, arch: 'aarch64' }].map(
    (o) => describePackage(o).documentNamespace,
  );
  expect(new Set(namespaces).size).toBe(3);
  expect(namespaces[0]).toBe(namespaces[1]);
});

test('expressions of listed licences are taken, other texts become references', () => {
  expect(
    ['MIT', 'mit', '(MIT OR ISC) AND GPL-2.0-only WITH Classpath-exception-2.0', 'GPL-2.0+'].every(
      isLicenseExpression,
    ),
  ).toBe(true);
  expect(
    ['MIT or ISC', 'MIT AND', 'Custom', 'MIT)', '', 'GPL-2.0-only WITH nothing'].some(isLicenseExpression),
  ).toBe(false);
  expect(['MIT', 'Custom License_v1 (c)', '日本'].map(spdxLicense)).toEqual([
    'MIT',
    'LicenseRef-Custom-License-v1-c',
    'LicenseRef-cf2abf0c5be326cb',
  ]);
});

test('the texts of licences that are not listed are in the document, sorted', () => {
  const document = describePackage({
    ...options,
    copyright: [
      { license: 'ZZZ', attestation: '', text: 'last' },
      { license: 'MIT', attestation: 'Copyright A', text: 'the MIT text' },
      { license: 'Own', attestation: '' },
    ],
  });
  expect(document.hasExtractedLicensingInfos).toEqual([
    { licenseId: 'LicenseRef-Own', extractedText: 'Non-SPDX License: Own' },
    { licenseId: 'LicenseRef-ZZZ', extractedText: 'last' },
  ]);
  expect(document.packages[1]?.copyrightText).toBe('Copyright A\n');
});

test('sources are found at any depth, and only where their steps run', () => {
  interface Step {
    readonly uses: readonly string[];
    readonly inputs: Readonly<Record<string, string>>;
    readonly children: readonly Step[];
    readonly place: string;
  }
  const step = (uses: string[], place: string, children: Step[] = []): Step => ({
    uses,
    inputs: { place },
    children,
    place,
  });
  const steps = [
    step([], 'group', [step(['fetch'], 'nested'), step(['never', 'fetch'], 'skipped')]),
    step(['git-checkout'], 'last', [step(['fetch'], 'part of it')]),
  ];
  const found = sourceSteps(steps, (s) => s.place !== 'skipped');
  expect(found.map((s) => [s.uses, s.place, s.inputs['place']])).toEqual([
    ['fetch', '0-0', 'nested'],
    ['git-checkout', '1', 'last'],
  ]);
});

test('passwords of a repository stay out of the document', () => {
  const inputs = { repository: 'https://me:secret@git.example.org/a/b.git', tag: 'v1' };
  const text = JSON.stringify(sourcePackage({ uses: 'git-checkout', inputs, place: '0' }, 'me', 'MIT'));
  expect(text).not.toContain('secret');
  expect(text).toContain('git+https://git.example.org/a/b.git@v1');
});

test('what a page could take for markup is escaped', () => {
  const text = formatSpdx(
    describePackage({ ...options, copyright: [{ license: 'MIT', attestation: '<b>&' }] }),
  );
  expect(text).toContain('"copyrightText": "\\u003cb\\u003e\\u0026\\n"');
  expect(text.endsWith('}\n')).toBe(true);
});

test('organisations have capitals', () => {
  expect(['my distro', 'WOLFI', '3com', "o'neil"].map(organisation)).toEqual([
    'Organization: My Distro',
    'Organization: Wolfi',
    'Organization: 3Com',
    "Organization: O'neil",
  ]);
});
