import type { ErrorCatalogue } from '@melange2/diagnostics';

interface Details {
  LLB_BLOB_REFERENCE_INVALID: { reference: string; problem: string };
  LLB_DEFINITION_INVALID: { problem: string };
  LLB_EXEC_WITHOUT_ARGS: Record<string, never>;
  LLB_FILE_WITHOUT_ACTIONS: Record<string, never>;
  LLB_IMAGE_REFERENCE_INVALID: { reference: string; problem: string };
  LLB_IP_ADDRESS_INVALID: { host: string; address: string };
  LLB_MOUNT_INVALID: { dest: string; problem: string };
  LLB_MOUNT_WITHOUT_RESULT: { dest: string; problem: string };
  LLB_PASSTHROUGH_INVALID: { problem: string };
  LLB_PLATFORM_INVALID: { platform: string };
  LLB_SOURCE_INVALID: { source: string; problem: string };
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  LLB_BLOB_REFERENCE_INVALID: {
    title: 'A blob reference is invalid',
    message: ({ reference, problem }) =>
      `The blob reference "${reference}" cannot be used: ${problem}. Write it as NAME@sha256:DIGEST.`,
  },
  LLB_DEFINITION_INVALID: {
    title: 'A definition cannot be read',
    message: ({ problem }) => `The bytes are not an LLB definition: ${problem}.`,
  },
  LLB_EXEC_WITHOUT_ARGS: {
    title: 'A step has no command',
    message: () => 'A step runs nothing, because its list of arguments is empty. Give it a command.',
  },
  LLB_FILE_WITHOUT_ACTIONS: {
    title: 'A file operation does nothing',
    message: () => 'A file operation has an empty list of actions. Give it at least one.',
  },
  LLB_IMAGE_REFERENCE_INVALID: {
    title: 'An image reference is invalid',
    message: ({ reference, problem }) => `The image reference "${reference}" is invalid: ${problem}.`,
  },
  LLB_IP_ADDRESS_INVALID: {
    title: 'An address is invalid',
    message: ({ host, address }) =>
      `The extra host ${host} has the address "${address}", which is neither IPv4 nor IPv6.`,
  },
  LLB_MOUNT_INVALID: {
    title: 'A mount is invalid',
    message: ({ dest, problem }) => `The mount at ${dest} cannot be made: ${problem}.`,
  },
  LLB_MOUNT_WITHOUT_RESULT: {
    title: 'A mount has no result',
    message: ({ dest, problem }) => `Nothing can be built on the mount at ${dest}: ${problem}.`,
  },
  LLB_PASSTHROUGH_INVALID: {
    title: 'A passthrough is invalid',
    message: ({ problem }) => `The passthrough cannot be made: ${problem}.`,
  },
  LLB_PLATFORM_INVALID: {
    title: 'A platform is invalid',
    message: ({ platform }) =>
      `"${platform}" is not a platform. Write it as os/architecture or os/architecture/variant, such as linux/amd64.`,
  },
  LLB_SOURCE_INVALID: {
    title: 'A source is invalid',
    message: ({ source, problem }) => `The source "${source}" cannot be used: ${problem}.`,
  },
};
