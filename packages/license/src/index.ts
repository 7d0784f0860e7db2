export { detectLicenses, sureConfidence } from './detect-licenses.ts';
export type { DetectedLicense } from './detect-licenses.ts';
export { licenseCorpus, spdxCorpus } from './license-corpus.ts';
export type { KnownLicense, LicenseText } from './license-corpus.ts';
export { decodeLicense } from './license-words.ts';
export { isForeign, licenseFileWeight } from './license-file.ts';
export { compareLicenses } from './compare-licenses.ts';
export type { DeclaredLicense, DetectedFile } from './compare-licenses.ts';
export { errors } from './errors.ts';
