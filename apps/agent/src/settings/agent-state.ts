import type { AgentSettings } from "@tautline/protocol";

/** The agent's two private keys, PKCS#8 in PEM: made once, sealed at rest, never sent. */
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

interface Known {
  /** UUIDv7, also the OpAMP instance_uid; made by the agent. */
  readonly agentId: string;
  /** Label for people. */
  readonly name: string;
  readonly keys: AgentKeys;
}

/** Keys exist and a token is at hand; central may or may not have heard of it. */
export interface JoiningState extends Known {
  readonly state: "joining";
  readonly ticket: JoinTicket;
}

/** Central granted an identity; no message has been answered under it yet, so the token is kept. */
export interface CandidateState extends Known {
  readonly state: "candidate";
  readonly ticket: JoinTicket;
  readonly identity: AgentIdentity;
}

/** Central answered under the identity; the token is gone. */
export interface CommittedState extends Known {
  readonly state: "committed";
  readonly identity: AgentIdentity;
  readonly last: LastInstruction;
}

/** Everything the agent must not forget: one value, replaced whole (DESIGN "Enrolment"). */
export type AgentState = JoiningState | CandidateState | CommittedState;
