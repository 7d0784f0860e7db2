import { count, list, mapOf, objectType, rawText, text, truth, type ObjectType } from './decode.ts';
import type {
  Accounts,
  BaseImage,
  Certificates,
  Entrypoint,
  Environment,
  EnvironmentContents,
  Group,
  Layering,
  NamedContent,
  PathMutation,
  User,
} from './environment.ts';
import { emptyRecord } from './decode.ts';
import { noPlaces, type Places } from './places.ts';

const id = count(0n, 2n ** 32n - 1n, 'a number from 0 to 4294967295');
const texts = list(text);
const textMap = mapOf(text, '');

const namedContent: ObjectType<NamedContent> = objectType<NamedContent>(
  'NamedContent',
  'A file given by its text.',
  (at) => ({ name: '', content: '', at }),
  [
    ['name', 'name', rawText, 'Name of the file.'],
    ['content', 'content', rawText, 'The text of the file.'],
  ],
);

const baseImage: ObjectType<BaseImage> = objectType<BaseImage>(
  'BaseImage',
  'An image whose packages are taken as given.',
  (at) => ({ image: '', apkIndex: '', at }),
  [
    ['image', 'image', rawText, 'Path of the image layout.'],
    ['apkindex', 'apkIndex', rawText, 'Path of the index of its packages.'],
  ],
);

const emptyContents = (at: Places): EnvironmentContents => ({
  buildRepositories: [],
  runtimeRepositories: [],
  runtimeKeyring: [],
  repositories: [],
  keyring: [],
  packages: [],
  baseImage: undefined,
  at,
});

const contents: ObjectType<EnvironmentContents> = objectType<EnvironmentContents>(
  'EnvironmentContents',
  'The packages of an environment, and where they come from.',
  emptyContents,
  [
    ['build_repositories', 'buildRepositories', texts, 'Repositories for the build only.'],
    ['runtime_repositories', 'runtimeRepositories', texts, 'Repositories for the finished image only.'],
    ['runtime_keyring', 'runtimeKeyring', list(namedContent), 'Keys for the finished image only.'],
    [
      'repositories',
      'repositories',
      texts,
      'URLs or paths of apk repositories, each with an optional "@tag ".',
    ],
    ['keyring', 'keyring', texts, 'URLs or paths of the public keys that sign the repositories.'],
    ['packages', 'packages', texts, 'Packages to install: "name", "name=1.2", "name>1", "name@tag".'],
    ['baseimage', 'baseImage', baseImage, 'An image to build on.'],
  ],
);

const emptyEntrypoint = (at: Places): Entrypoint => ({
  type: '',
  command: '',
  shellFragment: '',
  services: emptyRecord(),
  at,
});

const entrypoint: ObjectType<Entrypoint> = objectType<Entrypoint>(
  'Entrypoint',
  'What an image made of the environment runs.',
  emptyEntrypoint,
  [
    ['type', 'type', rawText, 'Kind of the entry point, such as "service-bundle".'],
    ['command', 'command', text, 'The command.'],
    ['shell-fragment', 'shellFragment', text, 'Shell text that runs instead of a command.'],
    ['services', 'services', textMap, 'Services by name, with their commands.'],
  ],
);

const user: ObjectType<User> = objectType<User>(
  'User',
  'A user of the environment.',
  (at) => ({ userName: '', uid: 0, gid: undefined, shell: '', homeDir: '', at }),
  [
    ['username', 'userName', rawText, 'Name of the user.'],
    ['uid', 'uid', id, 'Number of the user.'],
    ['gid', 'gid', id, 'Number of the group; the same as "uid" when absent.'],
    ['shell', 'shell', rawText, 'Login shell.'],
    ['homedir', 'homeDir', rawText, 'Home directory.'],
  ],
);

const group: ObjectType<Group> = objectType<Group>(
  'Group',
  'A group of the environment.',
  (at) => ({ groupName: '', gid: 0, members: [], at }),
  [
    ['groupname', 'groupName', rawText, 'Name of the group.'],
    ['gid', 'gid', id, 'Number of the group.'],
    ['members', 'members', list(rawText), 'Names of the users in it.'],
  ],
);

const emptyAccounts = (at: Places): Accounts => ({ runAs: '', users: [], groups: [], at });

const accounts: ObjectType<Accounts> = objectType<Accounts>(
  'Accounts',
  'Users and groups of the environment. A user and a group "build" are added.',
  emptyAccounts,
  [
    ['run-as', 'runAs', rawText, 'User whom the steps run as.'],
    ['users', 'users', list(user), 'Users to add.'],
    ['groups', 'groups', list(group), 'Groups to add.'],
  ],
);

const pathMutation: ObjectType<PathMutation> = objectType<PathMutation>(
  'PathMutation',
  'A change of the file system after the packages are installed.',
  (at) => ({ path: '', type: '', uid: 0, gid: 0, permissions: 0, source: '', recursive: false, at }),
  [
    ['path', 'path', rawText, 'The path to make or change.'],
    ['type', 'type', rawText, '"directory", "empty-file", "hardlink", "symlink" or "permissions".'],
    ['uid', 'uid', id, 'Owner.'],
    ['gid', 'gid', id, 'Group.'],
    ['permissions', 'permissions', id, 'Mode bits, in octal: 0o755.'],
    ['source', 'source', rawText, 'What a link points to.'],
    ['recursive', 'recursive', truth, 'Whether everything below the path is meant.'],
  ],
);

const layering: ObjectType<Layering> = objectType<Layering>(
  'Layering',
  'How an image is cut into layers.',
  (at) => ({ strategy: '', budget: 0, at }),
  [
    ['strategy', 'strategy', rawText, 'Name of the strategy, such as "origin".'],
    ['budget', 'budget', count(-(2n ** 63n), 2n ** 63n - 1n, 'a whole number'), 'Most layers to make.'],
  ],
);

const certificates: ObjectType<Certificates> = objectType<Certificates>(
  'Certificates',
  'Certificate authorities to trust.',
  (at) => ({ additional: [], at }),
  [['additional', 'additional', list(namedContent), 'Certificates to add, in PEM.']],
);

/** An environment with nothing in it. */
export function emptyEnvironment(at: Places = noPlaces): Environment {
  return {
    contents: emptyContents(noPlaces),
    entrypoint: emptyEntrypoint(noPlaces),
    cmd: '',
    stopSignal: '',
    workDir: '',
    accounts: emptyAccounts(noPlaces),
    archs: [],
    environment: emptyRecord(),
    paths: [],
    vcsUrl: '',
    annotations: emptyRecord(),
    include: '',
    volumes: [],
    layering: undefined,
    certificates: undefined,
    at,
  };
}

/** How an environment is written in a build file. */
export const environmentType: ObjectType<Environment> = objectType<Environment>(
  'Environment',
  'What an environment is made of: an apko image configuration.',
  emptyEnvironment,
  [
    ['contents', 'contents', contents, 'The packages, and where they come from.'],
    ['entrypoint', 'entrypoint', entrypoint, 'What an image made of the environment runs.'],
    ['cmd', 'cmd', text, 'Arguments of the entry point.'],
    ['stop-signal', 'stopSignal', text, 'The signal that stops a container.'],
    ['work-dir', 'workDir', text, 'Working directory of an image.'],
    ['accounts', 'accounts', accounts, 'Users and groups.'],
    ['archs', 'archs', list(rawText), 'Architectures of an image; a build does not read it.'],
    ['environment', 'environment', textMap, 'Variables that every step sees.'],
    ['paths', 'paths', list(pathMutation), 'Changes of the file system after installing.'],
    ['vcs-url', 'vcsUrl', text, 'Where the sources of an image are.'],
    ['annotations', 'annotations', textMap, 'Annotations of an image.'],
    ['include', 'include', rawText, 'Another configuration to build on; deprecated, and not followed.'],
    ['volumes', 'volumes', texts, 'Volumes of an image.'],
    ['layering', 'layering', layering, 'How an image is cut into layers.'],
    ['certificates', 'certificates', certificates, 'Certificate authorities to trust.'],
  ],
);
