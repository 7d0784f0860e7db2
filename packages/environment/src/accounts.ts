import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export interface User {
  readonly name: string;
  readonly uid: number;
  /** Default: `uid`. */
  readonly gid?: number | undefined;
  /** Default `/home/NAME`. */
  readonly home?: string | undefined;
  /** Default `/bin/sh`. */
  readonly shell?: string | undefined;
}

export interface Accounts {
  readonly groups: readonly Group[];
  readonly users: readonly User[];
}

/** The user and group that steps of a build run as. */
export const buildAccounts: Accounts = {
  groups: [{ name: 'build', gid: 1000, members: ['build'] }],
  users: [{ name: 'build', uid: 1000, gid: 1000 }],
};

/** The accounts of a build: those given, and the build user where none of them has its name. */
export function withBuildAccounts(given: Accounts): Accounts {
  const missing = <T extends { readonly name: string }>(all: readonly T[], names: readonly T[]): T[] =>
    all.filter((one) => !names.some(({ name }) => name === one.name));
  return {
    groups: [...given.groups, ...missing(buildAccounts.groups, given.groups)],
    users: [...given.users, ...missing(buildAccounts.users, given.users)],
  };
}

export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
  /** Absent when there are no users to add and no such file. */
  readonly shadow?: string;
  /** Homes of all users of the resulting file, without those that have none. */
  readonly homes: readonly { readonly path: string; readonly uid: number; readonly gid: number }[];
}

/**
 * Adds accounts to the account files of the packages; those that are there already, by name, stay as they are.
 *
 * @throws {BuildError} ENVIRONMENT_ACCOUNT_INVALID
 */
export function addAccounts(
  files: {
    readonly passwd?: string | undefined;
    readonly group?: string | undefined;
    readonly shadow?: string | undefined;
  },
  accounts: Accounts,
): AccountFiles {
  const passwd = rowsOf('etc/passwd', files.passwd ?? '', 7);
  const group = rowsOf('etc/group', files.group ?? '', 4);
  const shadow = rowsOf('etc/shadow', files.shadow ?? '', 9);
  for (const { name, gid, members } of accounts.groups) {
    if (!group.some((row) => row[0] === name)) group.push([name, 'x', String(gid), members.join(',')]);
  }
  for (const { name, uid, gid = uid, home = `/home/${name}`, shell = '/bin/sh' } of accounts.users) {
    if (!passwd.some((row) => row[0] === name)) {
      passwd.push([name, 'x', String(uid), String(gid), 'Account created by melange2', home, shell]);
    }
    if (!shadow.some((row) => row[0] === name)) shadow.push([name, '!', '', '', '', '', '', '', '']);
  }
  return {
    passwd: textOf(passwd),
    group: textOf(group),
    ...(shadow.length === 0 ? {} : { shadow: textOf(shadow) }),
    homes: passwd.flatMap(([, , uid = '', gid = '', , home = '']) =>
      home === '' || home === '/' || home === '/dev/null'
        ? []
        : [{ path: home.replace(/^\/+|\/+$/g, ''), uid: Number(uid), gid: Number(gid) }],
    ),
  };
}

/** Numbers by name, for names of owners in archives. */
export function idsOf(text: string, file: 'etc/passwd' | 'etc/group'): ReadonlyMap<string, number> {
  return new Map(
    rowsOf(file, text, file === 'etc/passwd' ? 7 : 4).map((row) => [row[0] ?? '', Number(row[2])]),
  );
}

function rowsOf(file: string, text: string, fields: number): string[][] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const row = line.split(':');
      if (row.length !== fields) throw buildError(errors, 'ENVIRONMENT_ACCOUNT_INVALID', { file, line });
      return row;
    });
}

function textOf(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.join(':')}\n`).join('');
}
