import type { Environment } from '@melange2/config';
import { withBuildAccounts, type AssembleOptions } from '@melange2/environment';

/** What a build file says of the root besides its packages: accounts, trusted certificates, and what apk knows in it. */
export function environmentSettings({
  accounts,
  certificates,
  contents,
}: Environment): Required<Pick<AssembleOptions, 'accounts' | 'certificates' | 'runtime'>> {
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
    runtime: {
      repositories: contents.runtimeRepositories,
      keys: contents.runtimeKeyring.map(({ name, content }) => ({ name, pem: content })),
    },
  };
}
