import { parseSourceFiles, type SourceFile } from "./source-file.ts";

/** A package.json, as far as the rules look into it. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** One folder under packages/ or apps/ with a package.json. */
export interface Workspace {
  /** For example `packages/pki`. */
  readonly folder: string;
  /** The folder's own name, for example `pki`. */
  readonly shortName: string;
  readonly isApp: boolean;
  readonly manifest: Manifest;
  /** What others import, for example `@tautline/pki` or `@tautline/agent/main`. */
  readonly entryPoints: ReadonlySet<string>;
}

/** The whole repository as the rules see it. */
export interface House {
  /** Path from the root to content, for every text file that is not ignored. */
  readonly texts: ReadonlyMap<string, string>;
  readonly rootManifest: Manifest;
  readonly workspaces: readonly Workspace[];
  /** Every TypeScript file that people wrote (generated code is left out). */
  readonly sources: readonly SourceFile[];
}

/**
 * Makes the house out of nothing but its files, so that a rule can be shown to fail on a house of three lines.
 *
 * @param texts path from the root to content
 */
export function createHouse(texts: ReadonlyMap<string, string>): House {
  const workspaces = [...texts.keys()]
    .map((path) => /^((?:packages|apps)\/[^/]+)\/package\.json$/.exec(path)?.[1])
    .filter((folder) => folder !== undefined)
    .map((folder) => createWorkspace(folder, readManifest(texts, `${folder}/package.json`)));
  const written = new Map([...texts].filter(([path]) => !isGenerated(path)));
  return {
    texts,
    rootManifest: readManifest(texts, "package.json"),
    workspaces,
    sources: parseSourceFiles(written),
  };
}

/** The workspace that a file lies in; undefined for the root's own folders (test, scripts, bench). */
export function workspaceOf(house: House, path: string): Workspace | undefined {
  return house.workspaces.find(({ folder }) => path.startsWith(`${folder}/`));
}

/** Tests, and the equipment that only one workspace's tests need: both may use the package of test equipment. */
export function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || /^(?:packages|apps)\/[^/]+\/test\//.test(path);
}

/** What runs in production: the sources of the workspaces without their tests and without the test equipment. */
export function productSources(house: House): SourceFile[] {
  return house.sources.filter(
    ({ path }) =>
      /^(?:packages|apps)\/[^/]+\/src\//.test(path) && !isTest(path) && !isEquipment(path),
  );
}

/** The package of test equipment is no test itself, but never runs in production either. */
export function isEquipment(path: string): boolean {
  return path.startsWith("packages/testing/");
}

function isGenerated(path: string): boolean {
  return path.includes("/src/gen/");
}

function readManifest(texts: ReadonlyMap<string, string>, path: string): Manifest {
  return JSON.parse(texts.get(path) ?? "{}") as Manifest;
}

function createWorkspace(folder: string, manifest: Manifest): Workspace {
  const [group, shortName = ""] = folder.split("/");
  const entries = Object.keys(manifest.exports ?? {});
  return {
    folder,
    shortName,
    isApp: group === "apps",
    manifest,
    entryPoints: new Set(entries.map((entry) => `${manifest.name ?? ""}${entry.slice(1)}`)),
  };
}
