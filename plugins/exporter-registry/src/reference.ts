/** An image in a registry. */
export interface RegistryReference {
  /** With its port. */
  readonly host: string;
  readonly repository: string;
  readonly tag: string;
}

/** Reads `host[:port]/repository[:tag]`; a name without a host is Docker Hub's. `undefined` when it is no name. */
export function parseReference(text: string): RegistryReference | undefined {
  const match =
    /^(?:([^/]+)\/)?([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?$/.exec(text);
  if (match === null) return undefined;
  const [, first, rest = '', tag = 'latest'] = match;
  const isHost = first !== undefined && (/[.:]/.test(first) || first === 'localhost');
  if (isHost) return { host: first, repository: rest, tag };
  const repository = first === undefined ? `library/${rest}` : `${first}/${rest}`;
  return { host: 'registry-1.docker.io', repository, tag };
}
