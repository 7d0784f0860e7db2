import type { MissingThing } from './verdict.ts';

/** What is known of a package in an index. */
export interface IndexedPackage {
  readonly name: string;
  readonly origin?: string | undefined;
  readonly provides?: readonly string[] | undefined;
}

/**
 * The packages that have what a step lacked, by what they provide (`cmd:`, `pc:`, `so:`), best first; empty when no
 * index says.
 *
 * Indexes do not list headers: for these it is the development package that is named, or whose module is named, like the
 * header or its folder. Of a library it is the development package of the same source, which has the link to it.
 */
export function packagesWith(missing: MissingThing, packages: readonly IndexedPackage[]): readonly string[] {
  const providers = (wanted: RegExp): IndexedPackage[] =>
    packages.filter(({ provides }) => provides?.some((text) => wanted.test(text)) ?? false);
  const { kind, name } = missing;
  const text = escape(name);
  switch (kind) {
    case 'command':
      return names(providers(new RegExp(`^cmd:${text}(?:[=<>~]|$)`)));
    case 'module': {
      const module = escape(name.split(/[\s<>=]/)[0] ?? name);
      return names(providers(new RegExp(`^pc:${module}(?:[=<>~]|$)`)));
    }
    case 'library': {
      const byModule = providers(new RegExp(`^pc:(?:lib)?${text}(?:[=<>~]|$)`));
      const origins = new Set(
        providers(new RegExp(`^so:lib${text}\\.so(?:[.=<>~]|$)`)).map((p) => p.origin ?? p.name),
      );
      const ofOrigin = packages.filter((p) => origins.has(p.origin ?? p.name) && p.name.endsWith('-dev'));
      const named = ofOrigin.filter((p) => p.name.includes(name));
      return names([...byModule, ...(named.length > 0 ? named : ofOrigin)]);
    }
    case 'header': {
      const stems = [...new Set(name.replace(/\.[a-z]+$/, '').split('/'))].map(escape).toReversed();
      const found = stems.map((stem) => [
        ...providers(new RegExp(`^pc:(?:lib)?${stem}(?:[=<>~]|$)`)),
        ...packages.filter((p) => new RegExp(`^(?:lib)?${stem}[0-9.]*[a-z]?-dev$`).test(p.name)),
      ]);
      return names(found.flat());
    }
  }
}

function names(packages: readonly IndexedPackage[]): readonly string[] {
  return [...new Set(packages.map(({ name }) => name))].slice(0, 3);
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
