import { buildError, isBuildError, type BuildError, type ErrorCatalogue } from '@melange2/diagnostics';
import { capabilityTable } from './capabilities.ts';
import type { SolveFailure } from './failure/solve-failure.ts';
import { ConnectionError, grpcCode, isGrpcError } from './grpc/grpc-error.ts';
import { sessionErrors, type SessionErrorDetails } from './session/errors.ts';

interface Details extends SessionErrorDetails {
  BUILDKIT_ADDRESS_INVALID: { address: string; why: string };
  BUILDKIT_UNREACHABLE: { address: string; why: string };
  BUILDKIT_CONNECTION_LOST: { address: string; why: string; inFlight: readonly string[] };
  BUILDKIT_CALL_FAILED: { address: string; method: string; code: number; status: string; text: string };
  BUILDKIT_CAPABILITY_MISSING: { address: string; feature: string; capability: string; since: string };
  BUILDKIT_SOLVE_FAILED: SolveFailure;
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  ...sessionErrors,
  BUILDKIT_ADDRESS_INVALID: {
    title: 'The address of the BuildKit daemon is not understood',
    message: ({ address, why }) => `${address} is no address of a BuildKit daemon: ${why}`,
    hint: () =>
      'Write it as unix:///run/buildkit/buildkitd.sock, tcp://HOST:PORT, docker+unix:///var/run/docker.sock, docker-container://NAME, podman-container://NAME, nerdctl-container://NAME, kube-pod://POD or ssh://USER@HOST.',
  },
  BUILDKIT_UNREACHABLE: {
    title: 'BuildKit is not reachable',
    message: ({ address, why }) => `No BuildKit daemon answered at ${address}. ${why}`,
  },
  BUILDKIT_CONNECTION_LOST: {
    title: 'The connection to BuildKit was lost',
    message: ({ address, why, inFlight }) =>
      `The connection to the BuildKit daemon at ${address} was lost. ${why}${
        inFlight.length === 0 ? '' : ` Under way were: ${inFlight.map(methodName).join(', ')}.`
      } What was built until then is kept in the daemon's cache.`,
  },
  BUILDKIT_CALL_FAILED: {
    title: 'BuildKit refused a call',
    message: ({ address, method, status, text }) =>
      `The BuildKit daemon at ${address} answered ${method} with "${shown(text)}" (${status}).`,
  },
  BUILDKIT_CAPABILITY_MISSING: {
    title: 'The BuildKit daemon is too old for this',
    message: ({ address, feature, capability, since }) =>
      `The BuildKit daemon at ${address} cannot do this: ${feature}. It lacks ${capability}, which BuildKit has since ${since}.`,
  },
  BUILDKIT_SOLVE_FAILED: {
    title: 'The build failed on the daemon',
    message: ({ text, vertex, exitCode, denyMessages = [] }) => {
      const step =
        vertex?.name === undefined || vertex.name === '' ? 'A step' : `The step "${shown(vertex.name)}"`;
      if (exitCode !== undefined) return `${step} ended with exit code ${exitCode}.`;
      const failed =
        vertex === undefined
          ? `The daemon could not build: ${shown(text)}.`
          : `${step} failed: ${shown(text)}.`;
      return [failed, ...denyMessages.map(shown)].join(' ');
    },
  },
};

/** A solve that failed: `details` has all that the daemon said about it. */
export interface SolveError extends BuildError {
  readonly code: 'BUILDKIT_SOLVE_FAILED';
  readonly details: SolveFailure;
}

/** Tells whether an error is a failed solve, with the vertex, place and exit code of the failed step. */
export function isSolveError(value: unknown): value is SolveError {
  return isBuildError(value) && value.code === 'BUILDKIT_SOLVE_FAILED';
}

/**
 * Names what went wrong on the way to the daemon or in an answer of it. Anything unexpected comes back as it is, so
 * that it stays visible as a bug; so does the reason of an abort.
 */
export function fromWireError(cause: unknown, address: string): unknown {
  if (cause instanceof ConnectionError) {
    const why = cause.message;
    if (cause.inFlight.length === 0 && cause.reason !== 'hung')
      return buildError(errors, 'BUILDKIT_UNREACHABLE', { address, why }, { cause });
    return buildError(
      errors,
      'BUILDKIT_CONNECTION_LOST',
      { address, why, inFlight: cause.inFlight },
      { cause },
    );
  }
  if (isGrpcError(cause)) {
    return buildError(
      errors,
      'BUILDKIT_CALL_FAILED',
      {
        address,
        method: methodName(cause.path),
        code: cause.code,
        status: statusName(cause.code),
        text: cause.message,
      },
      { cause },
    );
  }
  return cause;
}

/** Says that the daemon is too old for what was asked. */
export function missingCapability(capability: string, address: string): BuildError {
  const known = capabilityTable.find((entry) => entry.capability === capability);
  return buildError(errors, 'BUILDKIT_CAPABILITY_MISSING', {
    address,
    capability,
    feature: known?.feature ?? capability,
    since: known?.since ?? 'a later version',
  });
}

/** What a daemon says may hold what programs printed: nothing of it may steer a terminal. */
function shown(text: string): string {
  return text.replaceAll(/[^\P{C}\n\t]/gu, '').trim();
}

/** `/moby.buildkit.v1.Control/Solve` → `Control.Solve`. */
function methodName(path: string): string {
  const [, service = '', method = ''] = path.split('/');
  return `${service.slice(service.lastIndexOf('.') + 1)}.${method}`;
}

function statusName(code: number): string {
  return Object.entries(grpcCode).find(([, value]) => value === code)?.[0] ?? `code ${code}`;
}
