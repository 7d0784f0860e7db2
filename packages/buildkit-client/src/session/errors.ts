import type { ErrorCatalogue } from '@melange2/diagnostics';

/** What the messages of the session's errors need. */
export interface SessionErrorDetails {
  SESSION_DIR_MISSING: { name: string; path: string };
  SESSION_FILE_UNREADABLE: { path: string; why: string };
  SESSION_FILE_CHANGED: { path: string };
  SESSION_NAME_INVALID: { path: string };
  SESSION_PATTERN_INVALID: { pattern: string };
  SESSION_PATH_ESCAPES: { path: string; why: string };
  SESSION_PEER_INVALID: { what: string };
  SESSION_LIMIT_EXCEEDED: { what: string; limit: number };
  SESSION_ENTRY_UNSUPPORTED: { path: string; kind: string };
  SESSION_DIGEST_MISMATCH: { expected: string; actual: string };
  SESSION_WRITE_FAILED: { path: string; why: string };
  SESSION_CREDENTIALS_FAILED: { host: string; why: string };
  SESSION_DOCKER_CONFIG_INVALID: { file: string; why: string };
  SESSION_TOKEN_REFUSED: { host: string; realm: string; why: string };
  SESSION_SSH_KEY_INVALID: { id: string; why: string };
  SESSION_SSH_AGENT_UNREACHABLE: { id: string; socket: string; why: string };
  SESSION_SECRET_TOO_LARGE: { id: string; sizeBytes: number; limit: number };
}

/** The codes of what goes wrong in a session; part of the package's catalogue. */
export const sessionErrors: ErrorCatalogue<SessionErrorDetails> = {
  SESSION_DIR_MISSING: {
    title: 'A source folder is missing',
    message: ({ name, path }) => `The folder ${path}, which the build reads as "${name}", does not exist.`,
  },
  SESSION_FILE_UNREADABLE: {
    title: 'A source file cannot be read',
    message: ({ path, why }) => `${path} cannot be read: ${why}.`,
  },
  SESSION_FILE_CHANGED: {
    title: 'A source file changed while it was sent',
    message: ({ path }) =>
      `${path} changed while it was sent to the daemon, so the build would see a mixture. Run the build again, or exclude the file.`,
  },
  SESSION_NAME_INVALID: {
    title: 'A file name is not UTF-8',
    message: ({ path }) =>
      `The name of ${path} is not UTF-8, and BuildKit takes no other names. Rename or exclude it.`,
  },
  SESSION_PATTERN_INVALID: {
    title: 'An include or exclude pattern is wrong',
    message: ({ pattern }) =>
      `The pattern "${pattern}" is not closed or has nothing behind its last character.`,
  },
  SESSION_PATH_ESCAPES: {
    title: 'The daemon tried to write outside of the output folder',
    message: ({ path, why }) =>
      `The daemon sent the path "${path}", which ${why}. Nothing was written outside of the output folder.`,
  },
  SESSION_PEER_INVALID: {
    title: 'The daemon broke the protocol',
    message: ({ what }) => `The daemon ${what}. The transfer was given up.`,
  },
  SESSION_LIMIT_EXCEEDED: {
    title: 'The daemon sent too much',
    message: ({ what, limit }) => `The daemon sent more than ${limit} ${what}. The transfer was given up.`,
  },
  SESSION_ENTRY_UNSUPPORTED: {
    title: 'A file of this kind cannot be written here',
    message: ({ path, kind }) =>
      `The result contains ${path}, which is a ${kind}; it cannot be made in a folder. Export a tar archive instead.`,
  },
  SESSION_DIGEST_MISMATCH: {
    title: 'The content does not have the digest it should have',
    message: ({ expected, actual }) => `Expected content with the digest ${expected}, but it has ${actual}.`,
  },
  SESSION_WRITE_FAILED: {
    title: 'A result cannot be written',
    message: ({ path, why }) => `${path} cannot be written: ${why}.`,
  },
  SESSION_CREDENTIALS_FAILED: {
    title: 'The credentials of a registry cannot be had',
    message: ({ host, why }) => `The credentials for ${host} cannot be had: ${why}.`,
  },
  SESSION_DOCKER_CONFIG_INVALID: {
    title: "Docker's configuration file cannot be read",
    message: ({ file, why }) => `${file} cannot be read: ${why}.`,
  },
  SESSION_TOKEN_REFUSED: {
    title: 'A registry gave no token',
    message: ({ host, realm, why }) => `${realm} gave no token for ${host}: ${why}.`,
  },
  SESSION_SSH_KEY_INVALID: {
    title: 'An SSH key cannot be used',
    message: ({ id, why }) => `A key of the SSH agent "${id}" cannot be used: ${why}.`,
  },
  SESSION_SSH_AGENT_UNREACHABLE: {
    title: 'The SSH agent is not reachable',
    message: ({ id, socket, why }) => `The SSH agent "${id}" at ${socket} is not reachable: ${why}.`,
  },
  SESSION_SECRET_TOO_LARGE: {
    title: 'A secret is too large',
    message: ({ id, sizeBytes, limit }) =>
      `The secret "${id}" has ${sizeBytes} bytes; BuildKit takes at most ${limit}.`,
  },
};
