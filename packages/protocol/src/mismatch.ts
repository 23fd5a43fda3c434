import { type CompatibilityRule, decideLink } from "./compatibility.ts";
import type { Level } from "./level.ts";
import type { PeerOffer } from "./offer.ts";
import { knowledgeOf } from "./version-levels.ts";

/** Why two ends cannot agree on a level, for people (OVP-1). */
export interface Mismatch {
  /** Both offers, in one sentence. */
  readonly reason: string;
  /** The setting to change at each end, and the version to upgrade to where an end is too old. */
  readonly remedy: string;
}

const REQUIRE: CompatibilityRule = { offMeetsBasic: "require" };

/**
 * Explains why two offers come to no link, on top of `decideLink`.
 *
 * @param agent what the agent said of itself
 * @param central what central said of itself
 * @returns undefined where they have a level in common
 */
export function explainMismatch(agent: PeerOffer, central: PeerOffer): Mismatch | undefined {
  const decision = decideLink(agent, central, REQUIRE);
  if (decision.ok) return undefined;
  const { agentLacks, centralLacks } = decision;
  const ways = [
    ...waysFor({ ...agent, name: "the agent" }, agentLacks, (levels) => settingOfAgent(levels)),
    ...waysFor({ ...central, name: "central" }, centralLacks, (levels) => settingOfCentral(levels)),
  ];
  return {
    reason:
      `The agent (version ${agent.version}) offers ${listOf(agent.levels)}, ` +
      `central (version ${central.version}) offers ${listOf(central.levels)}: no level in common.`,
    remedy: sentence(ways.join(", or ") || "set at least one level at each end"),
  };
}

/**
 * The setting that makes an agent use another level.
 *
 * @param levels any of which would do
 */
export function settingOfAgent(levels: readonly Level[]): string {
  return `set central.level to ${levels.join(" or ")} in the agent's agent.yaml`;
}

/**
 * The setting that makes central accept another level; plaintext has a port of its own.
 *
 * @param levels any of which would do
 */
export function settingOfCentral(levels: readonly Level[]): string {
  const secure = levels.filter((level) => level !== "plaintext");
  return [
    ...(secure.length === 0
      ? []
      : [
          `let central accept ${secure.join(" or ")} (agents.levels in central.yaml, or 'tautline listeners set agents --levels')`,
        ]),
    ...(levels.includes("plaintext")
      ? [
          "open central's plaintext port (plaintext.bind in central.yaml, or 'tautline listeners set plaintext --bind public')",
        ]
      : []),
  ].join(", or ");
}

interface NamedEnd {
  readonly name: string;
  readonly version: string;
}

function waysFor(
  { name, version }: NamedEnd,
  lacks: readonly Level[],
  setting: (levels: readonly Level[]) => string,
): readonly string[] {
  const tooOld = lacks.flatMap((level) => {
    const known = knowledgeOf(version, level);
    return known.kind === "too-old" ? [{ level, since: known.since }] : [];
  });
  const settable = lacks.filter((level) => !tooOld.some((each) => each.level === level));
  const unsure = settable.filter((level) => knowledgeOf(version, level).kind === "not-known");
  const doubt =
    unsure.length === 0
      ? ""
      : ` (whether version ${version} knows ${unsure.join(" and ")} is not known)`;
  return [
    ...(settable.length === 0 ? [] : [`${setting(settable)}${doubt}`]),
    ...tooOld.map(({ level, since }) => `upgrade ${name} to >= ${since} for ${level}`),
  ];
}

function listOf(levels: readonly Level[]): string {
  return levels.length === 0 ? "no level" : levels.join(", ");
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
