import { createHash, type X509Certificate } from "node:crypto";
import {
  createAgentsIntermediate,
  createKeyPair,
  createRoot,
  createSerial,
  createServicesIntermediate,
  exportPrivateKey,
  issueCertificate,
  serialOf,
  toPem,
  type CertificateProfile,
} from "@tautline/pki";
import { agentHost, makeAgentId } from "@tautline/protocol";
import type { TlsIdentity } from "./tls-settings.ts";

/** An identity made for a test, and what evidence should say of it. */
export interface TestIdentity extends TlsIdentity {
  readonly spiffeId: string;
  readonly serial: string;
}

/** When a test's certificate is valid, relative to TEST_NOW. */
export interface TestValidity {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A whole authority for this package's tests: real certificates by @tautline/pki, at a fixed time. */
export interface TestAuthority {
  readonly trustDomain: string;
  readonly root: X509Certificate;
  /** Central's leaf, services intermediate and root, as central shows them. */
  central(validity?: TestValidity): TestIdentity;
  /** An agent's leaf, its namespace's intermediate and the root. */
  agent(purpose: "agent-client" | "agent-server", validity?: TestValidity): TestIdentity;
}

/** The time of every test in this package, in ms since 1970: nothing here waits, and no certificate ever runs out. */
export const TEST_NOW: number = Date.UTC(2026, 10, 22, 12);

/** A clock that stands at TEST_NOW. */
export function testNow(): number {
  return TEST_NOW;
}

const HOUR_MS = 3_600_000;
const DAY: TestValidity = { fromMs: -HOUR_MS, toMs: 24 * HOUR_MS };
const YEAR_MS = 365 * 24 * HOUR_MS;
const NAMESPACE = "default";

/**
 * Makes an authority with keys of its own.
 *
 * @param trustDomain two authorities of one trust domain still do not trust each other
 */
export function createTestAuthority(trustDomain = "fleet.test"): TestAuthority {
  // A day earlier, so that tests can issue certificates that are already over.
  const options = { trustDomain, now: () => TEST_NOW - 24 * HOUR_MS, lifetimeMs: YEAR_MS };
  const root = createRoot({ ...options, serial: nextSerial() });
  const services = createServicesIntermediate(root, { ...options, serial: nextSerial() });
  const agents = createAgentsIntermediate(root, {
    ...options,
    namespace: NAMESPACE,
    serial: nextSerial(),
  });

  const issue = (profile: CertificateProfile, spiffeId: string, validity = DAY): TestIdentity => {
    const { privateKey, publicKey } = createKeyPair("p256");
    const issuer = profile.kind === "central" ? services : agents;
    const leaf = issueCertificate({
      profile,
      publicKey,
      issuer,
      notBefore: new Date(TEST_NOW + validity.fromMs),
      notAfter: new Date(TEST_NOW + validity.toMs),
      serial: nextSerial(),
    });
    return {
      keyPem: exportPrivateKey(privateKey),
      chainPem: toPem([leaf, issuer.certificate, root.certificate]),
      spiffeId,
      serial: serialOf(leaf),
    };
  };

  return {
    trustDomain,
    root: root.certificate,
    central: (validity) =>
      issue(
        { kind: "central", trustDomain, dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] },
        `spiffe://${trustDomain}/central`,
        validity,
      ),
    agent: (kind, validity) => {
      const agentId = makeAgentId(TEST_NOW, nextSerial().subarray(0, 10));
      const host = agentHost(NAMESPACE, trustDomain);
      return issue(
        { kind, trustDomain, namespace: NAMESPACE, agentId },
        `spiffe://${host}/agent/${agentId}`,
        validity,
      );
    },
  };
}

let issued = 0;

/** Distinct and the same in each run. */
function nextSerial(): Buffer {
  issued += 1;
  return createSerial((size) =>
    createHash("sha256").update(`serial ${issued}`).digest().subarray(0, size),
  );
}
