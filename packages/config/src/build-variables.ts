import { architecture, type Libc } from './architecture.ts';
import { applyTransforms, resolveVars, type ReferenceProblem, type VariableProblem } from './variables.ts';
import type { PackageConfig } from './package-config.ts';
import type { Variables } from './substitution.ts';

/** What the variables of a build depend on, besides the build file. */
export interface BuildTarget {
  /** In any spelling: `x86_64`, `amd64`. */
  readonly arch: string;
  readonly libc: Libc;
  /** Names of the enabled options, declared or not. */
  readonly options?: readonly string[];
}

/** The variables inside pipelines, one table for each package. */
export interface BuildVariables {
  readonly main: ReadonlyMap<string, string>;
  /** What the pipelines of a subpackage see: {@link subpackageVariables} over those of the main package. */
  readonly subpackage: (name: string) => Variables;
  /** Vars that refer to what no build has. Circles and faulty transforms are not here: `parseConfig` tells of them. */
  readonly problems: readonly ReferenceProblem[];
}

const home = '/home/build';
const out = `${home}/melange-out`;

/** Makes the variables that pipelines see at build time; `inputs.*` come on top of them. */
export function buildVariables(config: PackageConfig, target: BuildTarget): BuildVariables {
  const { name, version, epoch } = config.package;
  const arch = architecture(target.arch);
  const problems: VariableProblem[] = [];
  const main = new Map<string, string>([
    ['package.name', name],
    ['package.version', version],
    ['package.epoch', String(epoch)],
    ['package.full-version', `${version}-r${epoch}`],
    ['package.srcdir', home],
    ['targets.outdir', out],
    ['targets.destdir', `${out}/${name}`],
    ['targets.contextdir', `${out}/${name}`],
    ['context.name', name],
    ['host.triplet.gnu', arch.gnuTriplet(target.libc)],
    ['host.triplet.rust', arch.rustTriplet(target.libc)],
    ['cross.triplet.gnu.glibc', arch.gnuTriplet('gnu')],
    ['cross.triplet.gnu.musl', arch.gnuTriplet('musl')],
    ['cross.triplet.rust.glibc', arch.rustTriplet('gnu')],
    ['cross.triplet.rust.musl', arch.rustTriplet('musl')],
    ['build.arch', arch.apk],
    ['build.goarch', arch.go],
    [`targets.package.${name}`, `${out}/${name}`],
  ]);
  for (const { name: sub } of config.subpackages) main.set(`targets.package.${sub}`, `${out}/${sub}`);
  for (const option in config.options) main.set(`options.${option}.enabled`, 'false');
  for (const option of target.options ?? []) main.set(`options.${option}.enabled`, 'true');
  // Vars and transforms know the description, as they do when the file is parsed; pipelines do not.
  main.set('package.description', config.package.description);
  resolveVars(config.vars, main, problems, 'strict');
  applyTransforms(config.varTransforms, main, []);
  main.delete('package.description');
  return {
    main,
    problems: problems.filter((problem) => problem.kind === 'reference'),
    subpackage: (sub) => layered(subpackageVariables(sub), main),
  };
}

/** The variables that a subpackage has of its own or otherwise than the main package. */
export function subpackageVariables(name: string): ReadonlyMap<string, string> {
  return new Map([
    ['subpkg.name', name],
    ['context.name', name],
    ['targets.subpkgdir', `${out}/${name}`],
    ['targets.contextdir', `${out}/${name}`],
  ]);
}

/** Looks a name up in `own` first, then in `base`; nothing is copied. */
export function layered(own: Variables, base: Variables): Variables {
  return { get: (name) => own.get(name) ?? base.get(name) };
}
