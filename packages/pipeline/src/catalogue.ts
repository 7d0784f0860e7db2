/** A pipeline definition as text. */
export interface PipelineFile {
  readonly text: string;
  /** The path that places in it are reported with. */
  readonly file: string;
  /** True for the pipelines that come with melange2. */
  readonly builtIn: boolean;
}

/** Finds pipelines by the name that `uses` gives: `autoconf/make` is the file `autoconf/make.yaml`. */
export interface PipelineCatalogue {
  /** The definition, or `undefined` if there is none here. Names are checked before; they never contain `..`. */
  resolve(name: string): PipelineFile | undefined;
  /** All names, for suggestions and listings, sorted. */
  names(): readonly string[];
  /** Where it looks, for people: `./pipelines`, `built-in pipelines`. */
  readonly where: string;
}

/**
 * Makes a catalogue of the files of one folder.
 *
 * @param where the folder as the user gave it; places are reported below it.
 * @param files texts by path below the folder, with `/`: `test/docs.yaml`.
 */
export function folderCatalogue(where: string, files: ReadonlyMap<string, string>): PipelineCatalogue {
  return {
    where,
    names: () =>
      [...files.keys()]
        .filter((path) => path.endsWith('.yaml'))
        .map((path) => path.slice(0, -'.yaml'.length))
        .toSorted(),
    resolve: (name) => {
      const text = files.get(`${name}.yaml`);
      return text === undefined
        ? undefined
        : { text, file: `${where.replace(/\/$/, '')}/${name}.yaml`, builtIn: false };
    },
  };
}

/** Makes a catalogue that asks each of `catalogues` in turn; the first that knows a name answers. */
export function layeredCatalogue(catalogues: readonly PipelineCatalogue[]): PipelineCatalogue {
  return {
    where: catalogues.map((c) => c.where).join(', '),
    names: () => [...new Set(catalogues.flatMap((c) => c.names()))].toSorted(),
    resolve: (name) => {
      for (const catalogue of catalogues) {
        const found = catalogue.resolve(name);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
