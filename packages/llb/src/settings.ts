import { cleanPath, joinPath } from './path.ts';
import { normalizePlatform, type Platform } from './platform.ts';

/** `unset` is what the daemon does by default, a network of its own with access to the outside. */
export type NetworkMode = 'unset' | 'host' | 'none';

/** `insecure` needs the entitlement `security.insecure`. */
export type SecurityMode = 'sandbox' | 'insecure';

export interface ExtraHost {
  readonly host: string;
  /** IPv4 or IPv6. */
  readonly address: string;
}

export interface Ulimit {
  readonly name: string;
  /** -1 is no limit. */
  readonly soft: bigint | number;
  readonly hard: bigint | number;
}

/** Variables by name, or as pairs where the order counts and names may look like numbers. */
export type Environment = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

/** What a step takes over from the state it runs on. */
export interface StateSettings {
  /** Added to those already set; a name that is set again moves to the end. */
  readonly env?: Environment;
  /** Working directory; a relative one starts at the one before. */
  readonly cwd?: string;
  /** Name or id, with group: `build`, `1000:1000`. */
  readonly user?: string;
  readonly hostname?: string;
  readonly network?: NetworkMode;
  readonly security?: SecurityMode;
  /** Added to those already set. */
  readonly extraHosts?: readonly ExtraHost[];
  /** Added to those already set. */
  readonly ulimits?: readonly Ulimit[];
  readonly cgroupParent?: string;
}

/** Settings with all changes applied. */
export interface Settings {
  readonly env: readonly (readonly [string, string])[];
  readonly cwd: string;
  readonly user: string;
  readonly hostname: string;
  readonly network: NetworkMode;
  readonly security: SecurityMode;
  readonly extraHosts: readonly ExtraHost[];
  readonly ulimits: readonly Ulimit[];
  readonly cgroupParent: string;
  readonly platform: Platform | undefined;
}

export const defaultSettings: Settings = {
  env: [],
  cwd: '/',
  user: '',
  hostname: '',
  network: 'unset',
  security: 'sandbox',
  extraHosts: [],
  ulimits: [],
  cgroupParent: '',
  platform: undefined,
};

/**
 * Returns the settings with `changes` applied; `settings` itself when there are none. A platform is an argument of
 * its own: among the options of a step it belongs to the op, as given, and is no setting.
 */
export function applySettings(settings: Settings, changes: StateSettings, platform?: Platform): Settings {
  const { env, cwd, extraHosts, ulimits } = changes;
  if (
    env === undefined &&
    cwd === undefined &&
    changes.user === undefined &&
    changes.hostname === undefined &&
    changes.network === undefined &&
    changes.security === undefined &&
    extraHosts === undefined &&
    ulimits === undefined &&
    changes.cgroupParent === undefined &&
    platform === undefined
  ) {
    return settings;
  }
  return {
    env: env === undefined ? settings.env : addVariables(settings.env, env),
    cwd: cwd === undefined ? settings.cwd : resolveDirectory(settings.cwd, cwd),
    user: changes.user ?? settings.user,
    hostname: changes.hostname ?? settings.hostname,
    network: changes.network ?? settings.network,
    security: changes.security ?? settings.security,
    extraHosts: extraHosts === undefined ? settings.extraHosts : [...settings.extraHosts, ...extraHosts],
    ulimits: ulimits === undefined ? settings.ulimits : [...settings.ulimits, ...ulimits],
    cgroupParent: changes.cgroupParent ?? settings.cgroupParent,
    platform: platform === undefined ? settings.platform : normalizePlatform(platform),
  };
}

function addVariables(before: Settings['env'], added: Environment): Settings['env'] {
  const pairs = Array.isArray(added) ? (added as Settings['env']) : Object.entries(added);
  const all = new Map(before);
  for (const [name, value] of pairs) {
    all.delete(name);
    all.set(name, value);
  }
  return [...all];
}

function resolveDirectory(before: string, cwd: string): string {
  // An absolute one stays as it is, unclean or not: it is part of the digest.
  if (cwd.startsWith('/')) return cwd;
  return before.startsWith('/') ? joinPath(before, cwd) : cleanPath(`/${before}/${cwd}`);
}

/** The part of an OCI image's config that steps take over. */
export interface ImageConfig {
  readonly os?: string;
  readonly architecture?: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly config?: {
    /** `NAME=value`. */
    readonly Env?: readonly string[] | null;
    readonly WorkingDir?: string;
    readonly User?: string;
  };
}

/**
 * Returns the settings with what an image says: its variables, working directory and platform.
 * Its user is left out, as Go does: steps choose their own.
 */
export function applyImageConfig(settings: Settings, image: ImageConfig): Settings {
  const env = (image.config?.Env ?? []).flatMap((text): [string, string][] => {
    const [name = '', ...value] = text.split('=');
    return name === '' ? [] : [[name, value.join('=')]];
  });
  const { os, architecture, variant } = image;
  const hasPlatform = os !== undefined && os !== '' && architecture !== undefined && architecture !== '';
  return applySettings(
    settings,
    { env, cwd: image.config?.WorkingDir ?? '' },
    hasPlatform
      ? {
          os,
          architecture,
          ...(variant === undefined ? {} : { variant }),
          ...(image['os.version'] === undefined ? {} : { osVersion: image['os.version'] }),
          ...(image['os.features'] === undefined ? {} : { osFeatures: image['os.features'] }),
        }
      : undefined,
  );
}
