import { createHash } from 'node:crypto';
import deprecatedIds from 'spdx-license-ids/deprecated.json' with { type: 'json' };
import licenseIds from 'spdx-license-ids/index.json' with { type: 'json' };
import exceptionIds from 'spdx-exceptions/index.json' with { type: 'json' };

const licenses: ReadonlySet<string> = new Set(
  [...licenseIds, ...deprecatedIds].map((id) => id.toLowerCase()),
);
const exceptions: ReadonlySet<string> = new Set(exceptionIds.map((id) => id.toLowerCase()));
const reference = /^(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+$/;

/**
 * Whether a text is an SPDX licence expression: listed ids in any case, `LicenseRef-` names, `+`, `WITH`, `AND`,
 * `OR` and brackets.
 *
 * @see https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
 */
export function isLicenseExpression(text: string): boolean {
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const term = (): boolean => {
    const token = tokens[at++];
    if (token === undefined) return false;
    if (token === '(') return expression() && tokens[at++] === ')';
    if (!reference.test(token) && !licenses.has(token.toLowerCase().replace(/\+$/, ''))) return false;
    if (tokens[at] !== 'WITH') return true;
    at++;
    return exceptions.has((tokens[at++] ?? '').toLowerCase());
  };
  const expression = (): boolean => {
    if (!term()) return false;
    while (tokens[at] === 'AND' || tokens[at] === 'OR') {
      at++;
      if (!term()) return false;
    }
    return true;
  };
  return expression() && at === tokens.length;
}

/**
 * Gives what SPDX can hold for a licence of a build file: the text itself when it is an expression, else a
 * `LicenseRef-` name made of it.
 */
export function spdxLicense(text: string): string {
  if (text === '' || isLicenseExpression(text)) return text;
  const name = text.replaceAll(/[\s_]/g, '-').replaceAll(/[^A-Za-z0-9.-]/g, '');
  const usable = /[A-Za-z0-9]/.test(name);
  return `LicenseRef-${usable ? name : createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
