import { emptyRecord } from './decode.ts';
import type { Accounts, Environment } from './environment.ts';
import { noPlaces } from './places.ts';

/** Variables of the build environment that the file does not set, or sets to nothing. */
const defaultVariables: readonly (readonly [string, string])[] = [
  ['HOME', '/home/build'],
  ['GOPATH', '/home/build/.cache/go'],
  ['GOMODCACHE', '/var/cache/melange/gomodcache'],
  ['UV_CACHE_DIR', '/var/cache/melange/uv'],
  ['PIP_CACHE_DIR', '/var/cache/melange/pip'],
  ['COMPOSER_CACHE_DIR', '/var/cache/melange/composer'],
  ['npm_config_cache', '/var/cache/melange/npm'],
];

/** Adds the user and the group "build" (1000), each unless there is one of that name. */
export function withBuildUser(environment: Environment): Environment {
  const { accounts } = environment;
  const hasUser = accounts.users.some((user) => user.userName === 'build');
  const hasGroup = accounts.groups.some((group) => group.groupName === 'build');
  if (hasUser && hasGroup) return environment;
  const completed: Accounts = {
    ...accounts,
    users: hasUser
      ? accounts.users
      : [
          ...accounts.users,
          { userName: 'build', uid: 1000, gid: 1000, shell: '', homeDir: '', at: noPlaces },
        ],
    groups: hasGroup
      ? accounts.groups
      : [...accounts.groups, { groupName: 'build', gid: 1000, members: ['build'], at: noPlaces }],
  };
  return { ...environment, accounts: completed };
}

/** Lays the variables of env files under those of the file (an earlier env file over a later one), and adds defaults. */
export function withVariables(
  environment: Environment,
  envFiles: readonly Readonly<Record<string, string>>[],
): Environment {
  const variables = emptyRecord<string>();
  for (const file of envFiles.toReversed()) Object.assign(variables, file);
  Object.assign(variables, environment.environment);
  for (const [name, value] of defaultVariables) {
    if ((variables[name] ?? '') === '') variables[name] = value;
  }
  return { ...environment, environment: variables };
}
