import type { Rule } from "./finding.ts";
import {
  declaredDependencies,
  frontDoors,
  layerDirection,
  noCycles,
  noTestsInProduct,
  nodeModules,
  readableImports,
  usedDependencies,
} from "./import-rules.ts";
import {
  decidedDependencies,
  exactVersions,
  lockFile,
  wholeLockFile,
  workspaceManifests,
} from "./manifest-rules.ts";
import {
  documentedExports,
  fileSizes,
  indexFiles,
  noAmbientTime,
  noSwitchedOffChecks,
  syntax,
  tellingNames,
} from "./shape-rules.ts";
import { namedPaths, noMachineWords, ownPreparation, plainPages } from "./text-rules.ts";

/** Every rule of the house, by the sentence that a failing test shows. */
export const RULES: ReadonlyMap<string, Rule> = new Map([
  ["every file parses", syntax],
  ["a package is imported only where its package.json declares it", declaredDependencies],
  ["every declared dependency is used", usedDependencies],
  ["a workspace is entered only by what its package.json exports", frontDoors],
  ["imports point down only, and apps do not import each other", layerDirection],
  ["what runs in production imports nothing that is for tests", noTestsInProduct],
  ["every import can be read", readableImports],
  ["no file imports itself by way of others", noCycles],
  ["a library uses only the parts of Node that are its work", nodeModules],
  ["time and randomness come into the libraries as arguments", noAmbientTime],
  ["names say what is inside", tellingNames],
  ["files stay small", fileSizes],
  ["an index only re-exports", indexFiles],
  ["every export is documented", documentedExports],
  ["no check is switched off", noSwitchedOffChecks],
  ["every version is exact and the same everywhere", exactVersions],
  ["every workspace has the same plain manifest", workspaceManifests],
  ["every runtime dependency was decided", decidedDependencies],
  ["the lock file holds no download address", lockFile],
  ["the lock file has every platform's packages", wholeLockFile],
  ["no file names a registry's host or a machine's own path", noMachineWords],
  ["every page ends plainly", plainPages],
  ["no test file prepares the tests of others", ownPreparation],
  ["every path that a page names is there", namedPaths],
]);
