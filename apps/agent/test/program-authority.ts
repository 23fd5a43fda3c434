import { randomBytes } from "node:crypto";
import {
  createKeyPair,
  createRoot,
  createSerial,
  createServicesIntermediate,
  exportPrivateKey,
  issueCertificate,
  readCsr,
  toPem,
} from "@tautline/pki";
import {
  type CertificateUse,
  type CustomMessage,
  decodeFileCertificateRequest,
  encodeFileCertificateAnswer,
} from "@tautline/protocol";

/** The moment at which its authorities begin, before everything that tests do. */
const BEGINS_MS = Date.UTC(2025, 0, 1);
const TEN_YEARS_MS = 10 * 365 * 86_400_000;

/** What a certificate may have that was not asked for. */
export interface IssueChange {
  readonly names?: readonly string[];
  readonly use?: CertificateUse;
}

/** A central's root, as far as programs' certificates go. */
export interface ProgramAuthority {
  readonly rootsPem: string;
  /** Issues what a request asks for, or something else. */
  chainFor(request: CustomMessage, nowMs: number, lifeMs: number, change?: IssueChange): string;
  /** The answer that gives it, encoded. */
  answer(request: CustomMessage, nowMs: number, lifeMs: number, change?: IssueChange): Uint8Array;
  /** A pair that nobody asked for. */
  pair(options: { names: readonly string[]; use: CertificateUse; nowMs: number; lifeMs: number }): {
    readonly chainPem: string;
    readonly keyPem: string;
  };
}

const options = () => ({
  trustDomain: "fleet.example.org",
  now: () => BEGINS_MS,
  lifetimeMs: TEN_YEARS_MS,
  serial: createSerial(randomBytes),
});

/** Makes one, with keys of its own. */
export function createProgramAuthority(): ProgramAuthority {
  const root = createRoot(options());
  const services = createServicesIntermediate(root, options());
  const issue: Issue = (publicKey, order) => {
    const leaf = issueCertificate({
      profile: { kind: "program", use: order.use, names: order.names },
      publicKey,
      issuer: services,
      notBefore: new Date(order.nowMs - 300_000),
      notAfter: new Date(order.nowMs + order.lifeMs),
      serial: createSerial(randomBytes),
    });
    return toPem([leaf, services.certificate]);
  };
  const chainFor: ProgramAuthority["chainFor"] = (request, nowMs, lifeMs, change = {}) => {
    const { csrPem, names, use } = decodeFileCertificateRequest(request.data);
    const { publicKey } = readCsr(csrPem, { agentId: "" });
    return issue(publicKey, { names, use, ...change, nowMs, lifeMs });
  };
  return {
    rootsPem: toPem([root.certificate]),
    chainFor,
    answer: (request, ...how) => {
      const { label } = decodeFileCertificateRequest(request.data);
      const chainPem = chainFor(request, ...how);
      return encodeFileCertificateAnswer({ label, chainPem, code: "", text: "" });
    },
    pair: (order) => {
      const { publicKey, privateKey } = createKeyPair("p256");
      return { chainPem: issue(publicKey, order), keyPem: exportPrivateKey(privateKey) };
    },
  };
}

type Issue = (
  publicKey: ReturnType<typeof createKeyPair>["publicKey"],
  order: Parameters<ProgramAuthority["pair"]>[0],
) => string;
