import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { finding, type Rule } from "./finding.ts";
import { isEquipment, isTest, productSources, workspaceOf, type House } from "./house.ts";
import { LAYERS } from "./layers.ts";
import type { Import, SourceFile } from "./source-file.ts";

/** A package is imported only where package.json declares it; tests may also use test equipment and the root's devDependencies. */
export const declaredDependencies: Rule = (house) =>
  eachImport(house, (source, { text }) => {
    const name = packageName(text);
    if (name === undefined || allowedPackages(house, source.path).has(name)) return undefined;
    return `imports '${name}', which its package.json does not declare`;
  });

/** A dependency that production code does not import is not needed by those who install it. */
export const usedDependencies: Rule = (house) =>
  house.workspaces.flatMap(({ folder, manifest }) => {
    const sources = house.sources.filter(
      ({ path }) => path.startsWith(`${folder}/`) && !isTest(path),
    );
    const used = new Set(
      sources.flatMap(({ imports }) => imports.map((one) => packageName(one.text))),
    );
    return Object.keys(manifest.dependencies ?? {})
      .filter((name) => !used.has(name))
      .map((name) => `${folder}/package.json: declares '${name}', which its sources never import`);
  });

/** A workspace is entered by its front door: what its package.json exports. Relative imports stay at home. */
export const frontDoors: Rule = (house) =>
  eachImport(house, (source, { text }) => {
    const home = workspaceOf(house, source.path);
    if (isRelative(text)) {
      const target = workspaceOf(house, resolve(source, text));
      return target === home ? undefined : `reaches into ${target?.folder ?? "the root"} by a path`;
    }
    const target = house.workspaces.find(({ manifest }) => manifest.name === packageName(text));
    if (target === undefined || target.entryPoints.has(text)) return undefined;
    return `imports '${text}', which ${target.folder} does not export`;
  });

/** What runs in production needs neither a test nor its equipment. */
export const noTestsInProduct: Rule = (house) =>
  productSources(house).flatMap((source) =>
    source.imports
      .filter(({ text }) => isTest(targetPath(house, source, text)))
      .map((one) => finding(source, one, `imports '${one.text}', which is for tests`)),
  );

/** Imports point down only, as the table of layers says; an app starts another one only by dynamic import of its main. */
export const layerDirection: Rule = (house) => [
  ...eachImport(house, (source, { text, kind }) => {
    const home = workspaceOf(house, source.path);
    const target = house.workspaces.find(({ manifest }) => manifest.name === packageName(text));
    if (home === undefined || target === undefined || target === home) return undefined;
    if (target.shortName === "testing" && isTest(source.path)) return undefined;
    const layer = LAYERS[home.shortName];
    if (layer?.mayImport.includes(target.shortName) === true) return undefined;
    const starts = layer?.starts?.includes(target.shortName) === true;
    if (starts && kind === "dynamic" && text === `${packageName(text) ?? ""}/main`)
      return undefined;
    if (starts) return `imports ${target.shortName} otherwise than by import("…/main")`;
    return `${home.shortName} may not import ${target.shortName}`;
  }),
  ...house.workspaces
    .filter(({ shortName }) => LAYERS[shortName] === undefined)
    .map(({ folder }) => `${folder}: is not in the table of layers`),
];

/** Every import can be read: no computed names, no require. */
export const readableImports: Rule = (house) =>
  productSources(house).flatMap((source) =>
    source.opaqueImports.map((one) =>
      finding(source, one, `loads a module by '${one.text}' that no rule can read`),
    ),
  );

/** No file imports itself by way of others; types count, for a reader has to follow them as well. */
export const noCycles: Rule = (house) => {
  const byPath = new Map(house.sources.map((source) => [source.path, source]));
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const source = byPath.get(path);
    if (source === undefined || state.get(path) === "done") return;
    const here = [...trail, path];
    if (state.get(path) === "open") {
      cycles.push(`${here.slice(here.indexOf(path)).join(" → ")}: a cycle`);
      return;
    }
    state.set(path, "open");
    for (const { text } of source.imports) visit(targetPath(house, source, text), here);
    state.set(path, "done");
  };
  for (const { path } of house.sources) visit(path, []);
  return cycles;
};

/** The libraries use only the parts of Node that are their work; protocol uses none. */
export const nodeModules: Rule = (house) =>
  eachImport(house, (source, { text }) => {
    const layer = LAYERS[workspaceOf(house, source.path)?.shortName ?? ""];
    if (!isBuiltin(text) || layer === undefined || layer.node === "any" || isTest(source.path)) {
      return undefined;
    }
    const [name = ""] = text.replace(/^node:/, "").split("/");
    return layer.node.includes(name)
      ? undefined
      : `imports '${text}', which is not this layer's work`;
  });

function eachImport(
  house: House,
  judge: (source: SourceFile, one: Import) => string | undefined,
): string[] {
  return house.sources.flatMap((source) =>
    source.imports.flatMap((one) => {
      const what = judge(source, one);
      return what === undefined ? [] : [finding(source, one, what)];
    }),
  );
}

function allowedPackages(house: House, path: string): Set<string> {
  const home = workspaceOf(house, path);
  const tools = Object.keys(house.rootManifest.devDependencies ?? {});
  if (home === undefined) {
    // The root's tests and scripts see the whole house: every workspace and what it brings along.
    const all = house.workspaces.flatMap(({ manifest }) => [
      manifest.name ?? "",
      ...Object.keys(manifest.dependencies ?? {}),
    ]);
    return new Set([...tools, ...all]);
  }
  const own = Object.keys(home.manifest.dependencies ?? {});
  if (!isTest(path)) return new Set(own);
  const equipment = house.workspaces.filter(({ folder }) => isEquipment(`${folder}/`));
  return new Set([...own, ...tools, ...equipment.map(({ manifest }) => manifest.name ?? "")]);
}

/** The package a specifier belongs to; undefined for relative paths and for Node's own modules. */
function packageName(specifier: string): string | undefined {
  if (isRelative(specifier) || specifier.startsWith("node:")) return undefined;
  const [first = "", second = ""] = specifier.split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith(".") || specifier.startsWith("/");
}

function resolve(source: SourceFile, specifier: string): string {
  return posix.join(posix.dirname(source.path), specifier);
}

function targetPath(house: House, source: SourceFile, specifier: string): string {
  if (isRelative(specifier)) return resolve(source, specifier);
  const target = house.workspaces.find(({ manifest }) => manifest.name === packageName(specifier));
  const entry = specifier.slice(target?.manifest.name?.length ?? 0);
  return posix.join(target?.folder ?? "", target?.manifest.exports?.[`.${entry}`] ?? specifier);
}
