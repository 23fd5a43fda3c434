/** How a host's agent gets a newer version (QM-3): from central, by a person on the host, or with the firmware of its device. */
export const UPGRADES = ["remote", "manual", "firmware"] as const;

/** One of the ways. */
export type Upgrade = (typeof UPGRADES)[number];

/** Attributes by which an agent says what people set on its host; claims, as good as the proof of who says them. */
export const AGENT_ATTRIBUTES = {
  /** A label for people. */
  name: "tautline.name",
  /** One of `UPGRADES`. */
  upgrade: "tautline.upgrade",
  /** The kinds of signed instruction that it carries out, sorted, separated by commas. */
  instructions: "tautline.instructions",
} as const;

const KIND = /^[a-z][a-z-]{0,31}$/;

/**
 * Reads how an agent gets a newer version.
 *
 * @param text of the attribute, if it said one
 * @returns `remote` for an agent that says nothing, or a way that only a newer version knows
 */
export function readUpgrade(text: string | undefined): Upgrade {
  return UPGRADES.find((each) => each === text) ?? "remote";
}

/**
 * Writes the kinds of instruction that an agent carries out.
 *
 * @param kinds such as "settings"
 */
export function formatInstructionKinds(kinds: readonly string[]): string {
  return [...new Set(kinds)].toSorted().join(",");
}

/**
 * Reads them; what is no kind is passed over.
 *
 * @param text of the attribute, if it said one
 * @returns undefined for an agent whose version does not say it
 */
export function readInstructionKinds(text: string | undefined): readonly string[] | undefined {
  return text?.split(",").filter((each) => KIND.test(each));
}
