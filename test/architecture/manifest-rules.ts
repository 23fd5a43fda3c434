import type { Rule } from "./finding.ts";
import type { Manifest } from "./house.ts";

/** Every dependency is pinned to one exact version, the same one everywhere. */
export const exactVersions: Rule = (house) => {
  const first = new Map<string, string>();
  return manifests(house).flatMap(([path, manifest]) =>
    Object.entries(allDependencies(manifest)).flatMap(([name, version]) => {
      if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)) {
        return [`${path}: '${name}' is at '${version}', which is no exact version`];
      }
      const known = first.get(name) ?? version;
      first.set(name, known);
      return known === version
        ? []
        : [`${path}: '${name}' is at ${version}, elsewhere at ${known}`];
    }),
  );
};

/** One product, one version: every workspace is private, of the root's version, an ES module, and exports one TypeScript entry. */
export const workspaceManifests: Rule = (house) =>
  house.workspaces.flatMap(({ folder, shortName, isApp, manifest }) => {
    const wanted: Record<string, unknown> = {
      name: `@tautline/${shortName}`,
      version: house.rootManifest.version,
      private: true,
      type: "module",
      exports: isApp ? { "./main": "./src/main.ts" } : { ".": "./src/index.ts" },
      devDependencies: undefined,
    };
    const actual: Record<string, unknown> = { ...manifest };
    return Object.entries(wanted)
      .filter(([key, value]) => JSON.stringify(actual[key]) !== JSON.stringify(value))
      .map(([key, value]) => `${folder}/package.json: '${key}' should be ${JSON.stringify(value)}`);
  });

/** What reaches a user's machine was decided, not just installed: docs/decisions names every runtime dependency. */
export const decidedDependencies: Rule = (house) => {
  const decisions = [...house.texts]
    .filter(([path]) => path.startsWith("docs/decisions/"))
    .map(([, text]) => text)
    .join("\n");
  const own = new Set(house.workspaces.map(({ manifest }) => manifest.name));
  return manifests(house).flatMap(([path, { dependencies = {}, optionalDependencies = {} }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !own.has(name) && !decisions.includes(`\`${name}\``))
      .map((name) => `${path}: no page of docs/decisions names '${name}'`),
  );
};

/** The lock file works with whatever registry the user has: it holds hashes, no download addresses. */
export const lockFile: Rule = (house) => {
  const lines = (house.texts.get("package-lock.json") ?? "").split("\n");
  return lines.flatMap((line, index) =>
    /"resolved": "[a-z+]+:/.test(line)
      ? [`package-lock.json:${index + 1}: holds a download address`]
      : [],
  );
};

/**
 * The lock file is whole: it has an entry for every optional package of every platform. npm leaves out those that it could not
 * find when it wrote the file, and refuses the file for their absence later, on every machine.
 */
export const wholeLockFile: Rule = (house) => {
  const { packages } = JSON.parse(house.texts.get("package-lock.json") ?? "{}") as {
    packages: Readonly<Record<string, Manifest>>;
  };
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !(`node_modules/${name}` in packages))
      .filter((name) => !(`${path}/node_modules/${name}` in packages))
      .map((name) => `package-lock.json: has no entry for '${name}', an option of '${path}'`),
  );
};

function manifests(house: Parameters<Rule>[0]): [path: string, manifest: Manifest][] {
  const workspaces = house.workspaces.map(({ folder, manifest }): [string, Manifest] => [
    `${folder}/package.json`,
    manifest,
  ]);
  return [["package.json", house.rootManifest], ...workspaces];
}

function allDependencies(manifest: Manifest): Record<string, string> {
  return {
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
    ...manifest.peerDependencies,
  };
}
