import {
  dialKeyed,
  dialMutual,
  dialPinned,
  dialPlaintext,
  proofHeader,
  type SecuredSocket,
  tlsBinding,
} from "@tautline/link";
import { spkiPin } from "@tautline/pki";
import { TautlineError, type Level } from "@tautline/protocol";
import type { LoopbackTarget } from "./loopback-target.ts";
import type { SimulatedIdentity } from "./simulated-identity.ts";
import { ANSWER_TIMEOUT_MS, type SwarmWorld } from "./swarm-world.ts";

/** How a simulated agent reaches central. */
export interface SwarmDial {
  readonly identity: SimulatedIdentity;
  readonly level: Level;
  readonly target: LoopbackTarget;
  readonly signal: AbortSignal;
}

/**
 * Dials as an agent that has an identity, at one level and at no other whatever happens (A24). Below mtls the link can prove the identity.
 *
 * @param world the swarm's
 * @param dial who, where, how
 * @throws link.*, swarm.level_needs
 */
export async function dialAtLevel(world: SwarmWorld, dial: SwarmDial): Promise<SecuredSocket> {
  const link = await dialLevel(world, dial);
  const { level } = link.evidence;
  if (level === "mtls") return link;
  return { ...link, prove: (binding) => proofHeader(dial.identity, { level, binding }) };
}

async function dialLevel(
  world: SwarmWorld,
  { identity, level, target, signal }: SwarmDial,
): Promise<SecuredSocket> {
  const { host, port } = target;
  const way = { host, port, timeoutMs: ANSWER_TIMEOUT_MS, signal, now: world.now };
  if (level === "plaintext") return dialPlaintext(way);
  if (level === "basic" || level === "advanced") {
    const { key } = world;
    if (key === undefined) {
      throw new TautlineError("swarm.level_needs", { detail: { level, option: "--key-file" } });
    }
    return dialKeyed(level, { ...way, ...key });
  }
  const { roots, trustDomain, keyPem, chainPem } = identity;
  if (level === "mtls") {
    return await dialMutual({ ...way, roots, trustDomain, identity: { keyPem, chainPem } });
  }
  const { socket, evidence } = await dialPinned({ ...way, pins: roots.map(spkiPin), trustDomain });
  return { socket, evidence, binding: () => tlsBinding(socket) };
}
