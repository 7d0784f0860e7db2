import { API_VERSION, type Plugin } from '@melange2/plugin-api';

const name = 'melange2-sca-lua';

/** Lua's own version, and the path of a module below it. */
const modulePath = /^usr\/(?:share|lib)\/lua\/(5\.\d)\/(.+?)(?:\/init)?\.(?:lua|so)$/;

/** Finds the Lua that modules need (`lua5.4`), and the modules themselves (`lua5.4:socket.http=1.0-r0`). */
export function scaLua(): Plugin {
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyPackage.tap(name, (pkg) => {
        const { found, recipe, tree } = pkg;
        const modules = tree.entries.flatMap(({ header }) => {
          const [, lua, path] = modulePath.exec(header.name) ?? [];
          if (lua === undefined || path === undefined || /[^\w/-]/.test(path)) return [];
          return [{ lua: `lua${lua}`, module: path.replaceAll('/', '.') }];
        });
        if (modules.length === 0) return pkg;
        return {
          ...pkg,
          found: {
            ...found,
            depends: [...found.depends, ...modules.map(({ lua }) => lua)],
            provides: [
              ...found.provides,
              ...modules.map(({ lua, module }) => `${lua}:${module}=${recipe.version}`),
            ],
          },
        };
      });
    },
  };
}

export { scaLua as plugin };
