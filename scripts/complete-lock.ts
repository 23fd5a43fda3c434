import { readFileSync, writeFileSync } from "node:fs";

/*
 * Usage: complete-lock.ts   (npm run lock, after every npm install that changes package-lock.json)
 *
 * Some packages carry one binary package a platform as optional dependencies, and not every registry holds them all. npm leaves
 * those it cannot find out of the lock file, and then `npm ci` refuses that lock file as out of sync. This adds them by name,
 * version and platform; npm never fetches a package for a platform that is not its own.
 */

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

interface Lock {
  packages: Record<string, LockEntry>;
}

const FILE = "package-lock.json";
const SYSTEMS = new Set([
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
]);
const CPUS: Readonly<Record<string, string>> = {
  aarch64: "arm64",
  arm: "arm",
  arm64: "arm64",
  armv7: "arm",
  ia32: "ia32",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "x64",
};

const lock = JSON.parse(readFileSync(FILE, "utf8")) as Lock;
const added = Object.values(lock.packages).flatMap((parent) =>
  Object.entries(parent.optionalDependencies ?? {}).flatMap(([name, version]) => {
    const place = `node_modules/${name}`;
    return lock.packages[place] === undefined
      ? [[place, entryOf(name, version, parent)] as const]
      : [];
  }),
);
const places = [...Object.entries(lock.packages), ...added].toSorted(([left], [right]) =>
  left < right ? -1 : 1,
);
lock.packages = Object.fromEntries(places);
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added.length} packages of other platforms added to ${FILE}`);

/** The platform stands in the package's name; a name without one is no platform's package and must come from the registry. */
function entryOf(name: string, version: string, parent: LockEntry): LockEntry {
  const words = name.split(/[/_-]/);
  const os = words.find((word) => SYSTEMS.has(word));
  const cpu = words
    .map((word) => CPUS[word.replace(/(eabi|gnueabihf|musleabihf)$/, "")])
    .find(Boolean);
  if (os === undefined || cpu === undefined) throw new Error(`${name} names no platform`);
  return {
    version,
    cpu: [cpu],
    ...(parent.dev === true ? { dev: true } : {}),
    ...(name.includes("musl") ? { libc: ["musl"] } : {}),
    optional: true,
    os: [os],
  };
}
