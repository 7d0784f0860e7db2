/** Names of users and groups by number, as they go into packages beside the numbers. */
export interface OwnerNames {
  readonly users: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
}

/** Only root has a name. */
export const rootOnly: OwnerNames = { users: new Map([[0, 'root']]), groups: new Map([[0, 'root']]) };

/** Reads names from the texts of `etc/passwd` and `etc/group` of the build environment; the first entry of a number counts. */
export function parseOwnerNames(passwd: string, group: string): OwnerNames {
  return { users: names(passwd), groups: names(group) };
}

function names(text: string): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name = '', , id = ''] = line.split(':');
    if (name !== '' && /^[0-9]+$/.test(id) && !found.has(Number(id))) found.set(Number(id), name);
  }
  return found;
}
