import { diagnostic } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { baseName, directoryOf, type Found, type Subject } from './subject.ts';

/** A package with Perl modules needs the Perl that their directory is named after. */
export function perl(subject: Subject): Found {
  const pattern = /^(?:usr\/)?lib\/perl([0-9][^/]*)\/[^/]*_perl$/;
  const version = firstMatch(subject, pattern);
  if (version === undefined) return {};
  return unlessDeclared(subject, `perl~${version}`, (declared) => declared === 'perl');
}

/** A package with Python modules needs the Python that their directory is named after, the last one of several. */
export function python(subject: Subject): Found {
  const version = subject.tree.entries
    .filter((e) => e.header.type === 'directory' && baseName(e.header.name) === 'site-packages')
    .map((e) => /^python(.*)$/.exec(baseName(directoryOf(e.header.name)))?.[1])
    .findLast((found) => found !== undefined);
  if (version === undefined || version === '') return {};
  return unlessDeclared(subject, `python-${version}-base`, (declared) => declared.startsWith('python'));
}

/** A package with Ruby gems needs the Ruby that their directory is named after. */
export function ruby(subject: Subject): Found {
  const pattern = /^(?:usr\/)?lib\/ruby\/gems\/([0-9][^/]*\.[0-9][^/]*)\.[0-9][^/.]*\/gems$/;
  const version = firstMatch(subject, pattern);
  if (version === undefined) return {};
  const mine = (declared: string): boolean => declared === 'ruby' || declared.startsWith('ruby-');
  return unlessDeclared(subject, `ruby-${version}`, mine);
}

function firstMatch({ tree }: Subject, pattern: RegExp): string | undefined {
  for (const { header } of tree.entries) {
    const match = pattern.exec(header.name);
    if (match !== null) return match[1];
  }
  return undefined;
}

function unlessDeclared({ declared }: Subject, found: string, same: (declared: string) => boolean): Found {
  const written = declared.find(same);
  if (written === undefined) return { depends: [found] };
  const details = { declared: written, found };
  return { diagnostics: [diagnostic(errors, 'SCA_DEPENDENCY_DECLARED', details, { severity: 'warning' })] };
}
