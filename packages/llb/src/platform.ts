import { buildError } from '@melange2/diagnostics';
import type { pb } from '@melange2/proto/llb';
import { errors } from './errors.ts';

/** An operating system on a processor, in the words of OCI images: `{ os: 'linux', architecture: 'arm64' }`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
}

/**
 * Reads `os/architecture` or `os/architecture/variant`, normalised.
 *
 * @throws {BuildError} LLB_PLATFORM_INVALID when the text has another form.
 */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...rest] = text.split('/');
  const valid = /^[A-Za-z0-9_-]+$/;
  if (
    rest.length > 0 ||
    [os, architecture, variant].some((p, i) => (p === undefined ? i < 2 : !valid.test(p)))
  ) {
    throw buildError(errors, 'LLB_PLATFORM_INVALID', { platform: text });
  }
  return normalizePlatform({
    os: os!,
    architecture: architecture!,
    ...(variant === undefined ? {} : { variant }),
  });
}

/** Writes a platform as `os/architecture` or `os/architecture/variant`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined || variant === '' ? [] : [variant])].join('/');
}

/**
 * Returns the platform in the spelling of OCI: lower case, `amd64` for `x86_64`, `arm64` for `aarch64` and so on.
 * `arm` without a variant is v7; `amd64/v1` and `arm64/v8` lose theirs, for it says nothing.
 *
 * @see https://github.com/containerd/platforms
 */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const given = platform.architecture.toLowerCase();
  const { architecture, variant } = normalizeArchitecture(given, platform.variant?.toLowerCase() ?? '');
  return {
    os: os === 'macos' ? 'darwin' : os,
    architecture,
    ...(variant === '' ? {} : { variant }),
    ...(platform.osVersion === undefined ? {} : { osVersion: platform.osVersion }),
    ...(platform.osFeatures === undefined ? {} : { osFeatures: platform.osFeatures }),
  };
}

function normalizeArchitecture(given: string, variant: string): { architecture: string; variant: string } {
  switch (given) {
    case 'i386':
      return { architecture: '386', variant: '' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: variant === 'v1' ? '' : variant };
    case 'aarch64':
    case 'arm64':
      return { architecture: 'arm64', variant: variant === '8' || variant === 'v8' ? '' : variant };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return {
        architecture: 'arm',
        variant: variant === '' ? 'v7' : /^\d$/.test(variant) ? `v${variant}` : variant,
      };
    default:
      return { architecture: given, variant };
  }
}

/** Returns the platform as it stands in an op; the same message for the same platform. */
export function platformMessage(platform: Platform): pb.Platform {
  const known = messages.get(platform);
  if (known !== undefined) return known;
  const message = {
    OS: platform.os,
    Architecture: platform.architecture,
    Variant: platform.variant ?? '',
    OSVersion: platform.osVersion ?? '',
    OSFeatures: platform.osFeatures ?? [],
  };
  messages.set(platform, message);
  return message;
}

const messages = new WeakMap<Platform, pb.Platform>();

/** Returns the platform that stands in an op. */
export function platformFromMessage(message: pb.Platform): Platform {
  return {
    os: message.OS,
    architecture: message.Architecture,
    ...(message.Variant === '' ? {} : { variant: message.Variant }),
    ...(message.OSVersion === '' ? {} : { osVersion: message.OSVersion }),
    ...(message.OSFeatures.length === 0 ? {} : { osFeatures: message.OSFeatures }),
  };
}
