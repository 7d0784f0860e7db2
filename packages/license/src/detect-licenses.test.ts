import { expect, test } from 'vitest';
import {
  compareLicenses,
  decodeLicense,
  detectLicenses,
  isForeign,
  licenseCorpus,
  licenseFileWeight,
} from './index.ts';

const words = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `word${from + i}`).join(' ');

const short = words(0, 60);
const long = `${short} ${words(100, 30)}`;
const corpus = licenseCorpus({
  Short: { text: short, common: true },
  Long: { text: long, common: true },
  Other: { text: words(500, 80), common: true },
  'Old-1.0': { text: words(900, 40), common: false },
  'Old-1.0-only': { text: words(900, 41), common: false },
});

function found(text: string): string[] {
  return detectLicenses(text, corpus).map(({ id, confidence }) => `${id} ${confidence.toFixed(2)}`);
}

test('a licence that is part of a longer one is told from it', () => {
  expect(found(short)).toEqual(['Short 1.00']);
  expect(found(long)).toEqual(['Long 1.00']);
});

test('holders, comment signs, line breaks and spelling make no difference', () => {
  const text = `/*\n * Copyright (c) 2024 Somebody\n * ${short.toUpperCase().replaceAll(' ', '\n * ')}\n */`;
  expect(found(text)).toEqual(['Short 1.00']);
});

test('a changed word costs a word, a missing part what is missing', () => {
  expect(found(short.replace('word30', 'changed'))).toEqual(['Short 0.98']);
  expect(found(words(0, 54))).toEqual(['Short 0.90']);
  expect(found(words(0, 20))).toEqual([]);
});

test('several licences in one file are all found', () => {
  expect(found(`${short}\n\n${words(500, 80)}`)).toEqual(['Other 1.00', 'Short 1.00']);
});

test('ids that are there as -only as well are not in the corpus', () => {
  expect(corpus.map((l) => l.id)).toEqual(['Long', 'Old-1.0-only', 'Other', 'Short']);
});

test('files are told by their names, and those of others are left alone', () => {
  expect(
    ['LICENSE', 'a/Licence.txt', 'COPYING', 'LICENSE-MIT', 'mit-license.md', 'license.go', 'x.c'].map(
      licenseFileWeight,
    ),
  ).toEqual([1, 0.8, 0.9, 0.7, 0.6, 0, 0]);
  expect(['node_modules/x/LICENSE', 'rustc-1.2.3-src/LICENSE', 'src/LICENSE'].map(isForeign)).toEqual([
    true,
    true,
    false,
  ]);
});

test('texts are read whatever they are encoded in', () => {
  expect(decodeLicense(Buffer.from('\ufeffMIT', 'utf16le'))).toBe('MIT');
  expect(decodeLicense(Buffer.from('M\u00fcller', 'latin1'))).toBe('M\u00fcller');
});

test('what is found and what is declared are compared, by file where a file is named', () => {
  const sure = (
    path: string,
    ...ids: string[]
  ): { path: string; licenses: { id: string; confidence: number }[] } => ({
    path,
    licenses: ids.map((id) => ({ id, confidence: 1 })),
  });
  const declared = [
    {
      license: 'MIT OR (GPL-2.0-or-later WITH Classpath-exception-2.0)',
      licensePath: '',
      detectionOverride: '',
    },
    { license: 'ISC', licensePath: 'a.txt', detectionOverride: '' },
    { license: 'Zlib', licensePath: 'b.txt', detectionOverride: 'BSD-3-Clause' },
    { license: 'Zlib', licensePath: 'c.txt', detectionOverride: 'BSD-3-Clause' },
  ];
  const problems = compareLicenses(declared, [
    sure('LICENSE', 'MIT', 'GPL-2.0-only', 'AGPL-3.0-only'),
    sure('a.txt', 'Apache-2.0'),
    sure('b.txt', 'BSD-3-Clause'),
    sure('c.txt', 'Apache-2.0'),
    sure('COPYING'),
  ]);
  expect(problems.map((p) => [p.severity, p.code, p.message.split(' ')[0]])).toEqual([
    ['warning', 'LICENSE_NOT_DECLARED', 'LICENSE'],
    ['warning', 'LICENSE_DIFFERS', 'a.txt'],
    ['warning', 'LICENSE_OVERRIDE_STALE', 'The'],
    ['warning', 'LICENSE_UNCLEAR', 'COPYING'],
  ]);
});
