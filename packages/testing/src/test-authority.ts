import { randomBytes, type KeyObject } from "node:crypto";
import {
  certifyAuditKey,
  createAgentsIntermediate,
  createKeyPair,
  createRoot,
  createSerial,
  createServicesIntermediate,
  exportPrivateKey,
  exportPublicKey,
  issueCertificate,
  keyId,
  signMessage,
  spkiPin,
  toPem,
  type CertificateProfile,
  type Issuer,
} from "@tautline/pki";
import {
  type AuditKeyStatement,
  encodeInstruction,
  encodeSignedInstruction,
  INSTRUCTION_CONTEXT,
  type Instruction,
  type SignedText,
} from "@tautline/protocol";

const YEAR_MS = 365 * 24 * 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

/** A certificate chain (leaf first) and the key of its leaf, both PEM. */
export interface TestIdentity {
  readonly keyPem: string;
  readonly chainPem: string;
}

/** What a test may ask to be different in an agent's certificate. */
export interface AgentLeafOptions {
  readonly namespace: string;
  readonly agentId: string;
  readonly publicKey: KeyObject;
  readonly purpose: "client" | "server";
  /** 24 h unless told. */
  readonly lifetimeMs?: number;
}

/** A leaf of any kind; for an attack its names, namespace, kind or validity are not what the victim expects. */
export interface AnyLeafOptions {
  readonly profile: Extract<
    CertificateProfile,
    { readonly kind: "agent-client" | "agent-server" | "central" | "program" }
  >;
  /** Both are `now` and a day after it unless told. */
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A whole authority for tests: root, intermediates by namespace, central's identity, the instructor's key. */
export interface TestAuthority {
  readonly trustDomain: string;
  readonly rootPem: string;
  /** SHA-256 of the root's SPKI. */
  readonly rootPin: Buffer;
  /** Central's own: its chain includes the root, as pinned diallers want it. */
  readonly central: TestIdentity;
  /** SPKI of the instructor's Ed25519 key, PEM. */
  readonly instructorKeyPem: string;
  /** PEM chain of a new leaf: the leaf, then the namespace's intermediate. */
  issueAgentLeaf(options: AgentLeafOptions): string;
  /** A new key with a new leaf for the links an agent dials. */
  issueAgent(agentId: string, namespace?: string): TestIdentity;
  /** A new key with a new leaf of any kind, as this authority may issue it. */
  issueAny(options: AnyLeafOptions): TestIdentity;
  /** Certifies, by the root, a key that signs checkpoints. */
  certifyAuditKey(
    statement: Omit<AuditKeyStatement, "spki" | "trustDomain">,
    publicKey: KeyObject,
  ): SignedText;
  /** Signs an instruction; encoded SignedInstruction. */
  signInstruction(instruction: Instruction): Uint8Array;
}

/**
 * Makes an authority with fresh keys.
 *
 * @param options `trustDomain`, `now` in milliseconds since the epoch, and the names central's certificate carries
 */
export function createTestAuthority({
  trustDomain = "fleet.test",
  now = () => Date.now(),
}: { trustDomain?: string; now?: () => number } = {}): TestAuthority {
  const authority = { trustDomain, now, lifetimeMs: YEAR_MS };
  const root = createRoot({ ...authority, serial: serial() });
  const services = createServicesIntermediate(root, { ...authority, serial: serial() });
  const agents = new Map<string, Issuer>();
  const agentsOf = (namespace: string): Issuer => {
    const known = agents.get(namespace);
    if (known !== undefined) return known;
    const made = createAgentsIntermediate(root, { ...authority, serial: serial(), namespace });
    agents.set(namespace, made);
    return made;
  };
  const validity = (lifetimeMs: number): { notBefore: Date; notAfter: Date } => ({
    notBefore: new Date(now() - 60_000),
    notAfter: new Date(now() + lifetimeMs),
  });
  const instructor = createKeyPair("ed25519");
  const centralKey = createKeyPair("p256");
  const centralLeaf = issueCertificate({
    profile: { kind: "central", trustDomain, dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] },
    publicKey: centralKey.publicKey,
    issuer: services,
    ...validity(DAY_MS),
    serial: serial(),
  });
  const issueAny = ({ profile, ...dates }: AnyLeafOptions): TestIdentity => {
    const { privateKey, publicKey } = createKeyPair("p256");
    const issuer = "namespace" in profile ? agentsOf(profile.namespace) : services;
    const times = { ...validity(DAY_MS), ...dates };
    const leaf = issueCertificate({ profile, publicKey, issuer, ...times, serial: serial() });
    return { keyPem: exportPrivateKey(privateKey), chainPem: toPem([leaf, issuer.certificate]) };
  };
  return {
    trustDomain,
    rootPem: toPem([root.certificate]),
    rootPin: spkiPin(root.certificate),
    central: {
      keyPem: exportPrivateKey(centralKey.privateKey),
      chainPem: toPem([centralLeaf, services.certificate, root.certificate]),
    },
    instructorKeyPem: exportPublicKey(instructor.publicKey),
    issueAgentLeaf({ namespace, agentId, publicKey, purpose, lifetimeMs = DAY_MS }) {
      const issuer = agentsOf(namespace);
      const leaf = issueCertificate({
        profile: { kind: `agent-${purpose}`, trustDomain, namespace, agentId },
        publicKey,
        issuer,
        ...validity(lifetimeMs),
        serial: serial(),
      });
      return toPem([leaf, issuer.certificate]);
    },
    issueAgent: (agentId, namespace = "default") =>
      issueAny({ profile: { kind: "agent-client", trustDomain, namespace, agentId } }),
    issueAny,
    certifyAuditKey: (statement, publicKey) =>
      certifyAuditKey(root.privateKey, { ...statement, trustDomain }, publicKey),
    signInstruction(instruction) {
      const encoded = encodeInstruction(instruction);
      return encodeSignedInstruction({
        instruction: encoded,
        signature: signMessage(instructor.privateKey, INSTRUCTION_CONTEXT, encoded),
        keyId: keyId(instructor.publicKey),
      });
    },
  };
}

function serial(): Buffer {
  return createSerial(randomBytes);
}
