import type { X509Certificate } from "node:crypto";
import { createKeyPair, exportPrivateKey, type KeyPair } from "@tautline/pki";
import { makeAgentId } from "@tautline/protocol";

/** Who a simulated agent is before central knows it: an id and two real keys, as an agent has them. */
export interface SimulatedSelf {
  /** UUIDv7. */
  readonly id: string;
  readonly name: string;
  readonly client: KeyPair;
  readonly server: KeyPair;
  /** Number of the identity asked for: 0n is that of the join, each renewal has the next. */
  readonly counter: bigint;
}

/** What central granted, checked. */
export interface SimulatedIdentity {
  readonly id: string;
  /** The id as OpAMP's instance_uid. */
  readonly uid: Uint8Array;
  readonly name: string;
  readonly namespace: string;
  readonly trustDomain: string;
  readonly keyPem: string;
  readonly chainPem: string;
  readonly roots: readonly X509Certificate[];
  /** Ed25519 in PEM: what signed instructions are verified by. */
  readonly instructorKeyPem: string;
  readonly signerEpoch: number;
  /** Of OpAMP's offer of connection settings, as it is reported back. */
  readonly offerHash: Uint8Array;
  /** 0n is that of the join. */
  readonly counter: bigint;
  /** When the first of its certificates ends, milliseconds since 1970-01-01T00:00:00Z. */
  readonly endsMs: number;
  /** When it is to be renewed. */
  readonly renewAtMs: number;
}

/**
 * Makes a new simulated agent.
 *
 * @param index its number in the swarm, from 1; stands in its name
 * @param world the time (ms since 1970-01-01T00:00:00Z) and randomness
 */
export function createSelf(
  index: number,
  world: {
    readonly now: () => number;
    readonly randomBytes: (size: number) => Uint8Array;
  },
): SimulatedSelf {
  return {
    id: makeAgentId(world.now(), world.randomBytes(10)),
    name: `swarm-${index}`,
    client: createKeyPair("p256"),
    server: createKeyPair("p256"),
    counter: 0n,
  };
}

/**
 * Makes two new keys for the next identity of an agent.
 *
 * @param identity in use
 * @param counter number to ask for
 */
export function createSuccessor(
  { id, name }: Pick<SimulatedIdentity, "id" | "name">,
  counter: bigint,
): SimulatedSelf {
  return { id, name, client: createKeyPair("p256"), server: createKeyPair("p256"), counter };
}

/**
 * The private key that the agent shows its certificate with.
 *
 * @param self the agent
 */
export function clientKeyPem({ client }: SimulatedSelf): string {
  return exportPrivateKey(client.privateKey);
}
