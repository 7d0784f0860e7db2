import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

/** Prints the version and what it runs on. */
export function runVersion(options: { readonly json?: boolean }, terminal: Terminal): void {
  const facts = {
    name: 'melange2',
    version,
    node: process.versions.node,
    platform: `${process.platform}/${process.arch}`,
  };
  terminal.stdout(
    options.json === true
      ? `${JSON.stringify(facts)}\n`
      : `melange2 ${version}\nnode     ${facts.node}\nplatform ${facts.platform}\n`,
  );
}
