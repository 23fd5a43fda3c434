import type { AgentSettings, Level } from "@tautline/protocol";

/** The two private keys of one identity, PKCS#8 in PEM: sealed at rest, never sent. */
export interface AgentKeys {
  readonly client: string;
  readonly server: string;
}

/** What is kept of a join token until the join is proven. */
export interface JoinTicket {
  /** "host:port", in the order to try. */
  readonly addresses: readonly string[];
  /** base64url of SHA-256 of root SPKIs. */
  readonly pins: readonly string[];
  readonly trustDomain: string;
  readonly namespace: string;
  readonly tokenId: string;
  /** base64url; sealed at rest. */
  readonly secret: string;
}

/** What central granted, checked against the agent's own keys and the pinned root. */
export interface AgentIdentity {
  readonly namespace: string;
  readonly trustDomain: string;
  /** Leaf first, then the intermediate; PEM. */
  readonly clientChainPem: string;
  readonly serverChainPem: string;
  readonly rootsPem: string;
  /** Ed25519 SPKI in PEM: the only key whose instructions are carried out (A10). */
  readonly instructorKeyPem: string;
  readonly signerEpoch: number;
  readonly addresses: readonly string[];
  /** Hex of the hash central gave the connection settings; reported back in ConnectionSettingsStatus. */
  readonly offerHash: string;
}

/** The last instruction carried out, and what it set. */
export interface LastInstruction {
  readonly epoch: number;
  readonly seq: bigint;
  /** Hex of the configuration map's hash; undefined before the first instruction. */
  readonly configHash: string | undefined;
  readonly settings: AgentSettings;
}

/** New addresses of central: signed, accepted, and not proven yet. */
export interface AddressMove {
  readonly addresses: readonly string[];
  /** The instruction that brought them. */
  readonly epoch: number;
  readonly seq: bigint;
}

/** The level that central ordered by a signed instruction: accepted, and not proven yet. */
export interface LevelMove {
  readonly level: Level;
  /** Where central hears it; none leaves it to the addresses that are known. */
  readonly addresses: readonly string[];
  /** The instruction that brought it. */
  readonly epoch: number;
  readonly seq: bigint;
}

/** A level above the one of the settings file that central has answered at; every link is dialled at it. */
export interface Climbed {
  readonly level: Level;
  /** Where that was, the one that answered first; dialled before all others. */
  readonly addresses: readonly string[];
  /** Central ordered it, or the agent went by itself where central did not hear it any more. */
  readonly by: "instruction" | "rescue";
}

/** The identity that is to follow: its keys are on the disk before they are asked for (F3). */
export interface NextIdentity {
  /** Number asked for; never used for other keys. */
  readonly counter: bigint;
  readonly keys: AgentKeys;
  /** What central granted for these keys and no message was answered under yet; undefined while it is asked for. */
  readonly granted?: {
    readonly identity: AgentIdentity;
    /** When it is to be renewed in its turn; milliseconds since 1970-01-01T00:00:00Z. */
    readonly renewAtMs: number;
  };
}

/** How far the renewing of an agent's identity has come. */
export interface Renewal {
  /** Number of the identity in use; 0n is that of the join. */
  readonly counter: bigint;
  /** The greatest number ever asked for. */
  readonly askedCounter: bigint;
  /** Identities that were renewed and proven. */
  readonly made: number;
  /** When the identity in use is to be renewed; milliseconds since 1970-01-01T00:00:00Z. */
  readonly renewAtMs: number;
  readonly next?: NextIdentity;
}

interface Known {
  /** UUIDv7, also the OpAMP instance_uid; made by the agent. */
  readonly agentId: string;
  /** Label for people. */
  readonly name: string;
  readonly keys: AgentKeys;
}

/** What central last said of a join that an operator decides. */
export interface JoinDecision {
  readonly answer: "pending" | "declined";
  /** Made of this host's own keys; the operator sees it beside the request. */
  readonly code: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly sinceMs: number;
}

/** Keys exist and a token is at hand; central may or may not have heard of it. */
export interface JoiningState extends Known {
  readonly state: "joining";
  readonly ticket: JoinTicket;
  /** Undefined where central asked for no approval, or was not asked yet. */
  readonly decision?: JoinDecision;
}

/** Central granted an identity; no message has been answered under it yet, so the token is kept. */
export interface CandidateState extends Known {
  readonly state: "candidate";
  readonly ticket: JoinTicket;
  readonly identity: AgentIdentity;
  /** When it is to be renewed; milliseconds since 1970-01-01T00:00:00Z. */
  readonly renewAtMs: number;
}

/** Central answered under the identity; the token is gone. */
export interface CommittedState extends Known {
  readonly state: "committed";
  readonly identity: AgentIdentity;
  readonly last: LastInstruction;
  readonly renewal: Renewal;
  /** Tried beside `identity.addresses`, and in their place once central has answered there. */
  readonly move?: AddressMove;
  /** Tried beside the level in use, and in its place once central has answered at it. */
  readonly levelMove?: LevelMove;
  readonly climbed?: Climbed;
  /** The highest level that was ever proven with central: nothing lower is dialled until somebody on this host allows it. */
  readonly provenLevel?: Level;
}

/** Everything the agent must not forget: one value, replaced whole (DESIGN "Enrolment"). */
export type AgentState = JoiningState | CandidateState | CommittedState;
