import { compareLevels, isMutual, LEVELS, type Level } from "./level.ts";

/** The levels one end would use for a link: what it is set to, not what it could do. */
export interface LinkOffer {
  readonly levels: readonly Level[];
}

/** How the ambiguous cell of OV-20 is read: one end offers nothing but plaintext, the other nothing but basic. */
export interface CompatibilityRule {
  /** `require` refuses (the default of the product), `prefer` falls back to plaintext and flags it. */
  readonly offMeetsBasic: "require" | "prefer";
}

/** What two offers come to; a refusal says what each side lacks and which setting to change (OVP-1). */
export type LinkDecision =
  | { readonly ok: true; readonly level: Level; readonly flagged?: string }
  | {
      readonly ok: false;
      readonly reason: string;
      /** What central offers and the agent does not. */
      readonly agentLacks: Level[];
      /** What the agent offers and central does not. */
      readonly centralLacks: Level[];
      readonly remedy: string;
    };

/**
 * Decides the level of a link from what both ends offer: the best level they have in common, or a refusal with its reason.
 *
 * Mutual levels (mtls, advanced, basic) go before tls, because a negotiation never trades a mutual link for a one-sided one.
 * Pure; DESIGN section 4, requirement OV-20 (its matrix is the special case of single offers).
 *
 * @param agent the agent's offer
 * @param central central's offer
 * @param rule the reading of the ambiguous cell
 */
export function decideLink(
  agent: LinkOffer,
  central: LinkOffer,
  rule: CompatibilityRule,
): LinkDecision {
  const level = LEVELS.filter((l) => agent.levels.includes(l) && central.levels.includes(l))
    .sort(byPreference)
    .at(0);
  if (level !== undefined) return { ok: true, level };
  if (rule.offMeetsBasic === "prefer" && isOffMeetingBasic(agent, central)) {
    return { ok: true, level: "plaintext", flagged: flagOf(agent) };
  }
  return refusal(agent, central);
}

function byPreference(a: Level, b: Level): number {
  return Number(isMutual(b)) - Number(isMutual(a)) || compareLevels(b, a);
}

/** Only single offers fall back: whoever lists several levels has said which ones are acceptable. */
function isOffMeetingBasic(agent: LinkOffer, central: LinkOffer): boolean {
  return (
    (isOnly(agent, "plaintext") && isOnly(central, "basic")) ||
    (isOnly(agent, "basic") && isOnly(central, "plaintext"))
  );
}

function isOnly(offer: LinkOffer, level: Level): boolean {
  return offer.levels.length > 0 && offer.levels.every((offered) => offered === level);
}

function flagOf(agent: LinkOffer): string {
  const off = isOnly(agent, "plaintext") ? "the agent" : "central";
  return `Not secured: ${off} has encryption off, and the rule 'prefer' lets plaintext take the place of basic.`;
}

function refusal(agent: LinkOffer, central: LinkOffer): LinkDecision {
  const agentLacks = lacking(agent, central);
  const centralLacks = lacking(central, agent);
  return {
    ok: false,
    reason: `The agent offers ${list(agent.levels)}, central offers ${list(central.levels)}: no level in common.`,
    agentLacks,
    centralLacks,
    remedy: remedyFor(agentLacks, centralLacks),
  };
}

/** What `other` offers and `offer` does not, in rising order. */
function lacking(offer: LinkOffer, other: LinkOffer): Level[] {
  return LEVELS.filter((level) => other.levels.includes(level) && !offer.levels.includes(level));
}

function list(levels: readonly Level[]): string {
  return levels.length === 0 ? "no level" : LEVELS.filter((l) => levels.includes(l)).join(", ");
}

function remedyFor(agentLacks: readonly Level[], centralLacks: readonly Level[]): string {
  const ways = [];
  if (agentLacks.length > 0) ways.push(`set the agent's level to ${agentLacks.join(" or ")}`);
  if (centralLacks.length > 0) {
    ways.push(`let central's policy accept ${centralLacks.join(" or ")}`);
  }
  const text = ways.length > 0 ? ways.join(", or ") : "set at least one level at each end";
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
