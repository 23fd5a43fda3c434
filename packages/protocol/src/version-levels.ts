import type { Level } from "./level.ts";

type Version = readonly [major: number, minor: number, patch: number];

/** Versions that count on from one another, and the first of them that knows each level; nothing is known of a level that is left out. */
interface VersionLine {
  readonly from: Version;
  readonly below: Version;
  readonly since: Readonly<Partial<Record<Level, string>>>;
}

const LINES: readonly VersionLine[] = [
  {
    from: [0, 0, 0],
    below: [1, 0, 0],
    since: { plaintext: "0.1.0", basic: "0.1.0", advanced: "0.1.0", tls: "0.1.0", mtls: "0.1.0" },
  },
  {
    // OV-2, OV-3: the product before this one. Of its TLS nothing is known.
    from: [4, 0, 0],
    below: [5, 0, 0],
    since: { plaintext: "4.0", basic: "4.47", advanced: "4.50" },
  },
];

/** Whether a version knows a level. */
export type LevelKnowledge =
  | { readonly kind: "knows" }
  | { readonly kind: "too-old"; readonly since: string }
  | { readonly kind: "not-known" };

/**
 * Tells whether a version knows a level; says so where that is not known, and never guesses.
 *
 * @param version as an end announced it
 * @param level a level
 */
export function knowledgeOf(version: string, level: Level): LevelKnowledge {
  const numbers = parseVersion(version);
  const line = numbers && LINES.find(({ from, below }) => isFrom(numbers, from, below));
  const since = line?.since[level];
  const first = since === undefined ? undefined : parseVersion(since);
  if (numbers === undefined || since === undefined || first === undefined) {
    return { kind: "not-known" };
  }
  return compare(numbers, first) >= 0 ? { kind: "knows" } : { kind: "too-old", since };
}

/**
 * The version to upgrade to for every level of a list that a version is known to be too old for.
 *
 * @param version as an end announced it
 * @param levels what the other end accepts
 * @returns undefined where no level of the list wants a newer version, or it is not known
 */
export function upgradeFor(version: string, levels: readonly Level[]): string | undefined {
  return levels
    .flatMap((level) => {
      const known = knowledgeOf(version, level);
      return known.kind === "too-old" ? [known.since] : [];
    })
    .toSorted((a, b) => compare(parseVersion(a) ?? NONE, parseVersion(b) ?? NONE))
    .at(-1);
}

const NONE: Version = [0, 0, 0];
/** A hotfix or build after the third number is of the same version (OV-2: "incl. all 4.49 hotfixes"). */
const NUMBERS = /^([0-9]{1,6})\.([0-9]{1,6})(?:\.([0-9]{1,6}))?(?:[.+-].*)?$/;

function parseVersion(text: string): Version | undefined {
  const [, major, minor, patch = "0"] = NUMBERS.exec(text) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  return [Number(major), Number(minor), Number(patch)];
}

function isFrom(version: Version, from: Version, below: Version): boolean {
  return compare(version, from) >= 0 && compare(version, below) < 0;
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
