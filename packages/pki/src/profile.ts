import type { CertificateUse } from "@tautline/protocol";

/** The self-signed root of one central. */
export interface RootProfile {
  readonly kind: "root";
  readonly trustDomain: string;
}

/** The authority for one namespace's agents: may certify names of exactly that namespace's host, no DNS name, no IP address. */
export interface AgentsIntermediateProfile {
  readonly kind: "agents-intermediate";
  readonly trustDomain: string;
  readonly namespace: string;
}

/** The authority for names on the network: may certify SPIFFE IDs of exactly the trust domain's host. */
export interface ServicesIntermediateProfile {
  readonly kind: "services-intermediate";
  readonly trustDomain: string;
}

/** An agent's leaf for the links it dials ("agent-client") or accepts ("agent-server"); never both in one (A16). */
export interface AgentProfile {
  readonly kind: "agent-client" | "agent-server";
  readonly trustDomain: string;
  readonly namespace: string;
  readonly agentId: string;
}

/** Central's leaf: its SPIFFE ID and the names and addresses under which it is dialled. */
export interface CentralProfile {
  readonly kind: "central";
  readonly trustDomain: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/**
 * The leaf of a program that is none of ours: names on the network and nothing else, so that it never stands for central or an agent.
 */
export interface ProgramProfile {
  readonly kind: "program";
  readonly use: CertificateUse;
  /** Each as `readCertifiedName` reads it, at least one; the first is the common name too, by which some programs know clients. */
  readonly names: readonly string[];
}

/** What a certificate is for; all its names, uses and limits follow from it and from nothing else (DESIGN "Authority"). */
export type CertificateProfile =
  | RootProfile
  | AgentsIntermediateProfile
  | ServicesIntermediateProfile
  | AgentProfile
  | CentralProfile
  | ProgramProfile;
