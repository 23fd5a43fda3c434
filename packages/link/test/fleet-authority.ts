import type { X509Certificate } from "node:crypto";
import { certificatesFromPem, serialOf, spiffeIdOf } from "@tautline/pki";
import { type CertificateUse, makeAgentId } from "@tautline/protocol";
import { createTestAuthority, type AnyLeafOptions } from "@tautline/testing";
import type { TlsIdentity } from "../src/tls-settings.ts";

/** An identity made for a test, and what evidence should say of it. */
export interface FleetIdentity extends TlsIdentity {
  readonly spiffeId: string;
  readonly serial: string;
}

/** When a certificate is valid, in milliseconds from TEST_NOW. */
export interface FleetValidity {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Real certificates as central and its agents show them, at a time that stands still. */
export interface FleetAuthority {
  readonly trustDomain: string;
  readonly root: X509Certificate;
  /** Leaf, services intermediate and root. */
  central(validity?: FleetValidity): FleetIdentity;
  /** Leaf, namespace's intermediate and root, of a new agent. */
  agent(kind: "agent-client" | "agent-server", validity?: FleetValidity): FleetIdentity;
  /** Leaf, services intermediate and root, of a program, without a SPIFFE ID. */
  program(use: CertificateUse, validity?: FleetValidity): FleetIdentity;
}

/** The time of every test of this package, in ms since 1970: nothing waits, and no certificate ever runs out. */
export const TEST_NOW: number = Date.UTC(2026, 10, 22, 12);

/** A clock that stands at TEST_NOW. */
export function testNow(): number {
  return TEST_NOW;
}

const HOUR_MS = 3_600_000;
const DAY: FleetValidity = { fromMs: -HOUR_MS, toMs: 24 * HOUR_MS };

/**
 * Makes an authority with keys of its own.
 *
 * @param trustDomain two authorities of one trust domain still do not trust each other
 */
export function createFleetAuthority(trustDomain = "fleet.test"): FleetAuthority {
  // A day earlier, so that tests can have certificates that are already over.
  const authority = createTestAuthority({ trustDomain, now: () => TEST_NOW - 24 * HOUR_MS });
  const [root] = certificatesFromPem(authority.rootPem);
  if (root === undefined) {
    throw new TypeError("the authority has no root");
  }
  const issue = (
    profile: AnyLeafOptions["profile"],
    { fromMs, toMs }: FleetValidity,
  ): FleetIdentity => {
    const { keyPem, chainPem } = authority.issueAny({
      profile,
      notBefore: new Date(TEST_NOW + fromMs),
      notAfter: new Date(TEST_NOW + toMs),
    });
    const [leaf] = certificatesFromPem(chainPem);
    if (leaf === undefined) {
      throw new TypeError("the authority issued nothing");
    }
    return {
      keyPem,
      chainPem: chainPem + authority.rootPem,
      spiffeId: spiffeIdOf(leaf) ?? "",
      serial: serialOf(leaf),
    };
  };
  let agents = 0;
  return {
    program: (use, validity = DAY) =>
      issue({ kind: "program", use, names: ["shop.example"] }, validity),
    trustDomain,
    root,
    central: (validity = DAY) =>
      issue(
        { kind: "central", trustDomain, dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] },
        validity,
      ),
    agent: (kind, validity = DAY) => {
      agents += 1;
      const agentId = makeAgentId(TEST_NOW, new Uint8Array(10).fill(agents));
      return issue({ kind, trustDomain, namespace: "default", agentId }, validity);
    },
  };
}
