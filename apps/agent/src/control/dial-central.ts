import {
  dialMutual,
  dialPinned,
  tlsBinding,
  type DialledLink,
  type SecuredSocket,
} from "@tautline/link";
import { certificatesFromPem, spkiPin } from "@tautline/pki";
import { fromBase64Url, type Level } from "@tautline/protocol";
import type { AgentIdentity, AgentKeys, JoinTicket } from "../settings/agent-state.ts";
import { keyedDial } from "./dial-keyed.ts";
import { plaintextDial } from "./dial-plaintext.ts";
import { requireLevel, wayTo, type DialLimits } from "./dial-way.ts";
import { provingDial } from "./proving-dial.ts";
import type { FoundKey } from "./key-file.ts";
import type { Dial } from "./transport.ts";

/**
 * Dials by the pin of a join token (level `tls`); used only before the join.
 *
 * @param ticket what the token said
 * @param limits time
 */
export function pinnedDial(ticket: JoinTicket, limits: DialLimits): Dial {
  return dialByPins(ticket.pins.map(fromBase64Url), ticket.trustDomain, limits);
}

/**
 * Dials with the agent's own certificate (level `mtls`).
 *
 * @param identity what central granted
 * @param keys the agent's own
 * @param limits time
 */
export function mutualDial(identity: AgentIdentity, keys: AgentKeys, limits: DialLimits): Dial {
  const roots = certificatesFromPem(identity.rootsPem);
  const own = { keyPem: keys.client, chainPem: identity.clientChainPem };
  const { trustDomain } = identity;
  return async (address, signal) => {
    const way = wayTo(address, "mtls", limits);
    const link = await dialMutual({ ...way, roots, identity: own, trustDomain, signal });
    return requireLevel("mtls", address, securedBy(link));
  };
}

/** How an agent with an identity reaches central. */
export interface IdentityDial extends DialLimits {
  readonly identity: AgentIdentity;
  readonly keys: AgentKeys;
  /** As `joinedLevel` decided. */
  readonly level: Level;
  /** Gives the shared key, at the levels that need one. */
  readonly findKey: () => Promise<FoundKey>;
}

/**
 * The level at which an agent renews its identity, or gives it up: nothing binds a proof to a plaintext link, where somebody on the way
 * could have keys of its own certified, so there it is the identity's own level.
 *
 * @param level at which it reports
 */
export function levelOfOrders(level: Level): Level {
  return level === "plaintext" ? "mtls" : level;
}

/**
 * Dials as an agent that has an identity, at its level and at no other: after a failure it is that level again (A24). Below mtls the
 * link can prove the identity to central.
 *
 * @param options identity, level, time
 */
export function identityDial(options: IdentityDial): Dial {
  const { identity, keys, level } = options;
  if (level === "mtls") return mutualDial(identity, keys, options);
  return provingDial(lowerDial(level, options), { identity, keys });
}

function lowerDial(level: Exclude<Level, "mtls">, options: IdentityDial): Dial {
  if (level === "plaintext") return plaintextDial(options);
  if (level !== "tls") return keyedDial(level, options.findKey, options);
  const { rootsPem, trustDomain } = options.identity;
  return dialByPins(certificatesFromPem(rootsPem).map(spkiPin), trustDomain, options);
}

function dialByPins(pins: readonly Uint8Array[], trustDomain: string, limits: DialLimits): Dial {
  return async (address, signal) => {
    const way = wayTo(address, "tls", limits);
    const link = await dialPinned({ ...way, pins, trustDomain, signal });
    return requireLevel("tls", address, securedBy(link));
  };
}

function securedBy({ socket, evidence }: DialledLink): SecuredSocket {
  return { socket, evidence, binding: () => tlsBinding(socket) };
}
