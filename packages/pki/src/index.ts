export * from "./approval-code.ts";
export * from "./audit-proof.ts";
export * from "./authority.ts";
export * from "./authority-file.ts";
export * from "./certificate-file.ts";
export * from "./chain.ts";
export type { ChainPurpose, ExpectedName, IsRevoked } from "./chain-question.ts";
export * from "./crl.ts";
export {
  encodeRevokedEntry,
  REVOCATION_REASONS,
  type RevocationReason,
  type RevokedEntry,
} from "./crl-entry.ts";
export * from "./crl-reader.ts";
export * from "./csr.ts";
export * from "./csr-reader.ts";
export * from "./identity-proof.ts";
export * from "./issue.ts";
export type { Issuer } from "./issuing-authority.ts";
export {
  createKeyPair,
  exportPrivateKey,
  exportPublicKey,
  importPrivateKey,
  importPublicKey,
  type KeyKind,
  type KeyPair,
  spkiPin,
} from "./keys.ts";
export * from "./jks-trust-store.ts";
export * from "./message-signature.ts";
export { certificatesFromPem, decodePemBlock, encodePemBlock, splitPem, toPem } from "./pem.ts";
export * from "./profile.ts";
export * from "./promotion-proof.ts";
export * from "./proof-challenge.ts";
export * from "./key-file.ts";
export * from "./pkcs12-trust-store.ts";
export { createSerial, serialOf } from "./serial.ts";
export * from "./signed-instruction.ts";
export * from "./key-derivation.ts";
