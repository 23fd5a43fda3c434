export * from "./authority.ts";
export * from "./chain.ts";
export * from "./crl.ts";
export * from "./csr.ts";
export * from "./issue.ts";
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
export * from "./message-signature.ts";
export { certificatesFromPem, splitPem, toPem } from "./pem.ts";
export * from "./profile.ts";
export { createSerial, serialOf } from "./serial.ts";
