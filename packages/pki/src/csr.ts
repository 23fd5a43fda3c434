import type { KeyObject } from "node:crypto";
import { TautlineError } from "@tautline/protocol";

/** What a certificate request gives: the key, and nothing else. */
export interface RequestedKey {
  readonly publicKey: KeyObject;
  /** SHA-256 of the SPKI, 32 bytes. */
  readonly pin: Buffer;
}

export function createCsr(privateKey: KeyObject, commonName = ""): string {
  throw new TautlineError("pki.csr_malformed", {
    detail: { reason: `not written yet ${privateKey.type}${commonName}` },
  });
}
export function readCsr(pem: string, expected: { readonly agentId: string }): RequestedKey {
  throw new TautlineError("pki.csr_malformed", {
    detail: { reason: `not written yet ${pem.length}${expected.agentId}` },
  });
}
