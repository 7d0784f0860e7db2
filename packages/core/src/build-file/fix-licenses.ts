import { addListEntry, applyEdits, changeValue, type PackageConfig, parseConfig } from '@melange2/config';
import { compareLicenses, type DetectedFile, sureConfidence } from '@melange2/license';

/**
 * The build file with `package.copyright` corrected by what was detected; everything else keeps its bytes.
 *
 * What differs from the text of its file is set to what that holds, and what is declared nowhere gets an entry. Files
 * that are not known for sure change nothing, nor do those with several entries and outlived overrides: who is right
 * there is for people to say.
 *
 * @throws {BuildError} CONFIG_EDIT_IMPOSSIBLE when the list is written in a way that cannot be edited
 */
export function fixLicenses(text: string, file: string, detected: readonly DetectedFile[]): string {
  let fixed = text;
  for (const found of detected) {
    const { value } = parseConfig(fixed, file, { warnings: false });
    if (value !== undefined) fixed = fixFile(fixed, value.package.copyright, found);
  }
  return fixed;
}

function fixFile(text: string, declared: PackageConfig['package']['copyright'], found: DetectedFile): string {
  const codes = new Set(compareLicenses(declared, [found]).map(({ code }) => code));
  const license = found.licenses
    .filter(({ confidence }) => confidence >= sureConfidence)
    .map(({ id }) => id)
    .join(' AND ');
  const list = ['package', 'copyright'];
  const set = (index: number, key: string, value: string): void => {
    text = applyEdits(text, changeValue(text, [...list, index, key], value));
  };
  if (codes.has('LICENSE_DIFFERS')) {
    const own = declared.flatMap((entry, i) => (entry.licensePath === found.path ? [i] : []));
    const [only] = own;
    if (own.length === 1 && only !== undefined) set(only, 'license', license);
  }
  if (codes.has('LICENSE_NOT_DECLARED')) {
    // An entry that says nothing waits to be filled in.
    const blank = declared.findIndex(
      (entry) => entry.licensePath === '' && ['', 'NOASSERTION'].includes(entry.license),
    );
    if (blank < 0) {
      const entry = { license, 'license-path': found.path };
      text = applyEdits(text, addListEntry(text, list, entry));
    } else {
      set(blank, 'license', license);
      set(blank, 'license-path', found.path);
    }
  }
  return text;
}
