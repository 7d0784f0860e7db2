/** Replaces secrets in text. Used where text enters (logs, errors, records), never at the printer. */
export interface Redactor {
  /** Adds a secret; texts shorter than 4 characters are ignored, they would hide everything. */
  add(secret: string): void;
  redact(text: string): string;
}

const placeholder = '***';

/**
 * Replaces `user:password@` in URLs and values behind well-known names of credentials.
 *
 * The time is linear in the text, whatever it is: a log may have megabytes in one line.
 */
export function redactPatterns(text: string): string {
  return redactUrls(text)
    .replaceAll(/\b(authorization:\s*(?:basic|bearer)\s+)\S+/gi, `$1${placeholder}`)
    .replaceAll(
      /([?&](?:access_token|token|password|secret|sig|signature|x-amz-signature)=)[^&\s]+/gi,
      `$1${placeholder}`,
    );
}

/** Looks at what stands before `://` only where that is: looked for from the left, every letter could begin a scheme. */
function redactUrls(text: string): string {
  if (!text.includes('://')) return text;
  return text.replaceAll(/(?<=[a-z][a-z0-9+.-]*:\/\/)([^\s/@:]*):[^\s/@]+@/gi, `$1:${placeholder}@`);
}

/** Makes a redactor that knows `secrets` and what {@link redactPatterns} finds. */
export function redactor(secrets: Iterable<string> = []): Redactor {
  const known = new Set<string>();
  let pattern: RegExp | undefined;
  const add = (secret: string): void => {
    for (const form of [secret, encodeURIComponent(secret), ...secret.split('\n')]) {
      if (form.trim().length >= 4) known.add(form.trim());
    }
    const alternatives = [...known].toSorted((a, b) => b.length - a.length).map((s) => RegExp.escape(s));
    pattern = alternatives.length === 0 ? undefined : new RegExp(alternatives.join('|'), 'g');
  };
  for (const secret of secrets) add(secret);
  return {
    add,
    redact: (text) => redactPatterns(pattern === undefined ? text : text.replaceAll(pattern, placeholder)),
  };
}
