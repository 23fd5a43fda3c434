import { type LinkPolicy, type Upgrade, upgradeFor } from "@tautline/protocol";
import type { AgentFacts, PlanReason } from "./plan.ts";

/**
 * Says what a person can do about a verdict.
 *
 * @param reason of the verdict
 * @param agent which
 * @param policy the wanted one
 * @returns a sentence or two; empty where there is nothing to do
 */
export function remedyOf(reason: PlanReason, agent: AgentFacts, policy: LinkPolicy): string {
  return REMEDIES[reason](agent, policy);
}

type Remedy = (agent: AgentFacts, policy: LinkPolicy) => string;

const nothing: Remedy = () => "";

const REMEDIES: Readonly<Record<PlanReason, Remedy>> = {
  meets_policy: nothing,
  moved_before: nothing,
  loopback_kept: () =>
    "It is on central's own host. To end plaintext there too, ask for '--loopback off'.",
  climbs: () => "It is told to climb when the policy is applied.",
  mixed: () =>
    "It has come both ways; it is told to stay at the higher level when the policy is applied. Look for a second agent on the host, or settings that change.",
  post_quantum_seen: () =>
    "It has used a post-quantum group, and has come without one too. Look at 'central.keyExchange' in its agent.yaml, and at a proxy on its way.",
  not_seen: ({ id }) =>
    `Nobody knows how it would come. Start it or ask for a longer '--since'; 'tautline agents delete ${id}' if it is gone for good.`,
  only_refused: ({ id }) =>
    `It was refused whenever it came; 'tautline links history --agent ${id}' says why.`,
  kept_out: ({ id, state }) =>
    state === "pending"
      ? `'tautline agents approve ${id}', or 'tautline agents decline ${id}'.`
      : `'tautline agents release ${id}' lets it come, so that it can climb.`,
  no_identity: enrol,
  mixed_no_identity: (agent) =>
    `It has come both ways, and nothing tells it which to keep. ${enrol(agent)}`,
  version_too_old: (agent, policy) =>
    `It takes no instruction to climb${versionIn(agent, policy)}. ${UPGRADE[agent.upgrade]} 'central.level' in its agent.yaml does it by hand.`,
  instruction_not_allowed: () =>
    "Its own file refuses it: add 'level' to 'allowedInstructions' in its agent.yaml, or set 'central.level' there.",
  no_post_quantum: ({ upgrade }) =>
    `It has used no post-quantum group. Allow X25519MLKEM768 in 'central.keyExchange' of its agent.yaml; on a Node without OpenSSL 3.5: ${lowerFirst(UPGRADE[upgrade])}`,
  no_key: ({ id }) =>
    `The policy accepts shared keys alone, and it has used none: 'tautline keys create NAME --agent ${id}', and give its host the key.`,
  no_higher_level: () =>
    "The policy accepts no level above those that it has used, and nothing from central takes an agent lower: accept tls and mtls too.",
};

/** Promotion says where it can join; what joins is on its host (QM-2, QM-3). */
function enrol({ id, upgrade }: AgentFacts): string {
  const told = `'tautline agents promote ${id}' tells it where to join; then a token of 'tautline tokens create' on its host.`;
  return upgrade === "remote" ? told : `${UPGRADE[upgrade]} Then ${told}`;
}

const UPGRADE: Readonly<Record<Upgrade, string>> = {
  remote: "Bring it a newer version from here.",
  manual: "Replace the agent's whole distribution on its host.",
  firmware: "Install a firmware patch that brings a newer agent.",
};

function versionIn({ version }: AgentFacts, { accept }: LinkPolicy): string {
  if (version === "") return "";
  const since = upgradeFor(version, accept);
  return since === undefined
    ? ` at version ${version}`
    : ` at version ${version} (>= ${since} does)`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
