import type { Environment } from '@melange2/config';
import { withBuildAccounts, type AssembleOptions } from '@melange2/environment';

/** What a build file says of the root besides its packages: accounts and trusted certificates. */
export function environmentSettings({
  accounts,
  certificates,
}: Environment): Required<Pick<AssembleOptions, 'accounts' | 'certificates'>> {
  return {
    accounts: withBuildAccounts({
      groups: accounts.groups.map(({ groupName, gid, members }) => ({ name: groupName, gid, members })),
      users: accounts.users.map(({ userName, uid, gid, homeDir, shell }) => ({
        name: userName,
        uid,
        gid,
        home: homeDir === '' ? undefined : homeDir,
        shell: shell === '' ? undefined : shell,
      })),
    }),
    certificates: (certificates?.additional ?? []).map(({ name, content }) => ({ name, pem: content })),
  };
}
