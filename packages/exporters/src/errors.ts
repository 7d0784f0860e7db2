import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  EXPORT_TARGET_INVALID: { target: string; problem: string };
  EXPORT_FAILED: { target: string; problem: string };
  EXPORT_REGISTRY_DENIED: {
    host: string;
    repository: string;
    what: string;
    /** `anonymously`, or `as NAME`. */
    who: string;
    status: number;
    /** The registry's words behind a colon, or nothing. */
    said: string;
  };
  EXPORT_REGISTRY_NOT_FOUND: { host: string; repository: string; what: string; who: string; said: string };
  EXPORT_REGISTRY_RATE_LIMITED: { host: string; what: string; who: string; limits: string; mirror: string };
  EXPORT_REGISTRY_UNAVAILABLE: { host: string; what: string; why: string };
  EXPORT_REGISTRY_UNTRUSTED: { host: string; why: string };
}

export const errors: ErrorCatalogue<Details> = {
  EXPORT_TARGET_INVALID: {
    title: 'An export target is not understood',
    message: ({ target, problem }) => `The export target ${target} is not understood: ${problem}.`,
    hint: () =>
      'Write it as KIND with --export-ref: docker (an image name), tarball (a path) or registry (an image name).',
  },
  EXPORT_FAILED: {
    title: 'An export failed',
    message: ({ target, problem }) => `The export to ${target} failed: ${problem}`,
  },
  EXPORT_REGISTRY_DENIED: {
    title: 'A registry does not let the account in',
    message: ({ host, what, who, status, said }) =>
      `${host} refused ${what} with ${status}, asked ${who}${said}.`,
    hint: ({ host, repository, status, who }) =>
      status === 403 && who !== 'anonymously'
        ? `Give the account the right to push to ${repository}, or log in with another one: docker login ${host}`
        : `Log in with an account that may push to ${repository}: docker login ${host}`,
  },
  EXPORT_REGISTRY_NOT_FOUND: {
    title: 'A registry does not have the repository',
    message: ({ host, repository, what, who, said }) =>
      `${host} has no place for ${what} in ${repository} (404, asked ${who})${said}.`,
    hint: () => 'Check the name. Some registries want a repository to be made before it is pushed to.',
  },
  EXPORT_REGISTRY_RATE_LIMITED: {
    title: 'A registry takes no more requests for now',
    message: ({ host, what, who, limits }) =>
      `${host} takes no more requests for now${limits === '' ? '' : `: ${limits}`}; asked ${who} for ${what}.`,
    hint: ({ host, mirror }) =>
      `Wait, or log in with an account that may ask more often: docker login ${host}. Images can be taken from a mirror, with\n${mirror}`,
  },
  EXPORT_REGISTRY_UNAVAILABLE: {
    title: 'A registry does not work',
    message: ({ host, what, why }) => `${host} did not do ${what}: ${why}.`,
    hint: () =>
      'Try again later, or look at the registry. One that speaks plain HTTP is named with REF,http=true.',
  },
  EXPORT_REGISTRY_UNTRUSTED: {
    title: 'The certificate of a registry cannot be verified',
    message: ({ host, why }) => `The certificate of ${host} cannot be verified: ${why}.`,
    hint: () =>
      'Let Node trust its authority with NODE_EXTRA_CA_CERTS=FILE, or take it unverified with REF,insecure=true.',
  },
};
