/** Makes an SPDX id of parts: what an id cannot hold becomes `C` and the number of the character. */
export function spdxId(parts: readonly string[]): string {
  return `SPDXRef-Package-${sanitise(parts.join('-'))}`;
}

/** Replaces what an SPDX id cannot hold. */
export function sanitise(text: string): string {
  return text
    .replaceAll(/[:/]/g, '-')
    .replaceAll(/[^A-Za-z0-9.-]/gu, (character) => `C${character.codePointAt(0) ?? 0}`);
}

/** Names an organisation as SPDX wants it, words with a capital. */
export function organisation(name: string): string {
  const titled = name.replaceAll(/[\p{L}\p{N}\p{M}_][\p{L}\p{N}\p{M}_'.]*/gu, (word) => {
    const lower = word.toLowerCase();
    return lower.replace(/\p{L}/u, (letter) => (letter === 'ß' ? letter : letter.toUpperCase()));
  });
  return `Organization: ${titled}`;
}
