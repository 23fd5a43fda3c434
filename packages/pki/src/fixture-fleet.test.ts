import { randomBytes, type KeyObject, type X509Certificate } from "node:crypto";
import {
  type Authority,
  createAgentsIntermediate,
  createRoot,
  createServicesIntermediate,
} from "./authority.ts";
import { issueCertificate } from "./issue.ts";
import { createKeyPair } from "./keys.ts";
import type { AgentProfile, CentralProfile, CertificateProfile } from "./profile.ts";
import { createSerial } from "./serial.ts";

export const TRUST_DOMAIN = "fleet.example.org";
export const AGENT_ID = "0197a000-0000-7000-8000-00000000000a";
export const OTHER_AGENT_ID = "0197a000-0000-7000-8000-00000000000b";
export const AGENT_SPIFFE_ID = `spiffe://default.${TRUST_DOMAIN}/agent/${AGENT_ID}`;
export const CENTRAL_SPIFFE_ID = `spiffe://${TRUST_DOMAIN}/central`;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The moment at which every fixture was made. */
export const NOW_MS = Date.UTC(2026, 10, 22, 12);

/** The moment that lies so many hours after the making of the fixtures. */
export function hoursLater(hours: number): Date {
  return new Date(NOW_MS + hours * HOUR_MS);
}

export function freshSerial(): Buffer {
  return createSerial(randomBytes);
}

/** What every authority of the fixtures is made with. */
export function authorityOptions(lifetimeDays: number): {
  trustDomain: string;
  now: () => number;
  lifetimeMs: number;
  serial: Buffer;
} {
  const lifetimeMs = lifetimeDays * DAY_MS;
  return { trustDomain: TRUST_DOMAIN, now: () => NOW_MS, lifetimeMs, serial: freshSerial() };
}

/** A central's authorities: one root, two namespaces, the services. */
export interface Fleet {
  readonly root: Authority;
  readonly agents: Authority;
  readonly otherAgents: Authority;
  readonly services: Authority;
}

export function createFleet(): Fleet {
  const root = createRoot(authorityOptions(3650));
  return {
    root,
    agents: createAgentsIntermediate(root, { ...authorityOptions(365), namespace: "default" }),
    otherAgents: createAgentsIntermediate(root, { ...authorityOptions(365), namespace: "other" }),
    services: createServicesIntermediate(root, authorityOptions(365)),
  };
}

export function agentProfile(kind: AgentProfile["kind"], namespace = "default"): AgentProfile {
  return { kind, trustDomain: TRUST_DOMAIN, namespace, agentId: AGENT_ID };
}

export function centralProfile(names: Partial<CentralProfile> = {}): CentralProfile {
  return {
    kind: "central",
    trustDomain: TRUST_DOMAIN,
    dnsNames: ["central.example.org"],
    ipAddresses: ["192.0.2.1", "2001:db8::1"],
    ...names,
  };
}

/** Issues a leaf of 24 hours. */
export function issueLeaf(
  issuer: Authority,
  profile: CertificateProfile,
  publicKey: KeyObject = createKeyPair("p256").publicKey,
): X509Certificate {
  return issueCertificate({
    profile,
    publicKey,
    issuer,
    notBefore: hoursLater(0),
    notAfter: hoursLater(24),
    serial: freshSerial(),
  });
}
