/**
 * Where a version of a key stands. `current` is in use: it answers to the key's bare name. `next` is installed and opens links of
 * those who have it already; `previous` was in use before and opens them until it is removed.
 */
export type VersionState = "current" | "next" | "previous";

/** A step of a rotation, in the order a rotation goes: install the next version, take it into use, remove the one before. `undo` takes an installed next one back. */
export type RotationStep = "install" | "use" | "remove" | "undo";

/** One live version. */
export interface VersionStanding {
  readonly version: number;
  readonly state: VersionState;
}

/** What a step makes of a key. */
export type RotationOutcome =
  | {
      readonly ok: true;
      readonly versions: readonly VersionStanding[];
      /** Opens nothing any more. */
      readonly ended: number | undefined;
    }
  | { readonly ok: false; readonly reason: string };

/**
 * Decides a step of a rotation (OVP-3). At most two versions live at once, and one of them is in use.
 *
 * @param versions those that live
 * @param step what is asked for
 * @param fresh the number that a new version gets
 */
export function stepRotation(
  versions: readonly VersionStanding[],
  step: RotationStep,
  fresh: number,
): RotationOutcome {
  const current = versionIn(versions, "current");
  const next = versionIn(versions, "next");
  const previous = versionIn(versions, "previous");
  if (current === undefined) return refused("it has no version in use");
  if (step === "install") {
    if (next !== undefined) return refused(`version ${next} is installed already`);
    if (previous !== undefined) return refused(`version ${previous} is not removed yet`);
    return done([standing(current, "current"), standing(fresh, "next")]);
  }
  if (step === "use") {
    if (next === undefined) return refused("no next version is installed");
    return done([standing(next, "current"), standing(current, "previous")]);
  }
  if (step === "remove") {
    if (previous !== undefined) return done([standing(current, "current")], previous);
    return refused(
      next === undefined ? "it has one version only" : `version ${next} is not in use yet`,
    );
  }
  if (next !== undefined) return done([standing(current, "current")], next);
  return refused("no next version is installed");
}

function versionIn(versions: readonly VersionStanding[], state: VersionState): number | undefined {
  return versions.find((each) => each.state === state)?.version;
}

function standing(version: number, state: VersionState): VersionStanding {
  return { version, state };
}

function done(versions: readonly VersionStanding[], ended?: number): RotationOutcome {
  return { ok: true, versions, ended };
}

function refused(reason: string): RotationOutcome {
  return { ok: false, reason };
}
