import { createPrivateKey, type KeyObject } from "node:crypto";
import { TautlineError } from "@tautline/protocol";
import { readPkiFile } from "./file-text.ts";
import { exportPrivateKey, importPrivateKey } from "./keys.ts";
import { decodePemBlock, splitPem } from "./pem.ts";

type KeyForm = "pkcs1" | "pkcs8" | "sec1";

/** RFC 7468 section 10, RFC 8017 appendix A.1.2, RFC 5915 section 4. */
const FORMS: ReadonlyMap<string, KeyForm> = new Map([
  ["PRIVATE KEY", "pkcs8"],
  ["RSA PRIVATE KEY", "pkcs1"],
  ["EC PRIVATE KEY", "sec1"],
]);
const DER_FORMS: readonly KeyForm[] = ["pkcs8", "pkcs1", "sec1"];
/** PKCS#8 says so in its label; the older forms in a header of RFC 1421. */
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: ?4, ?ENCRYPTED/m;
/** What an encrypted key in DER begins with inside: the algorithms of PKCS#5 and of PKCS#12. */
const ENCRYPTING = [
  Buffer.from("2a864886f70d0105", "hex"),
  Buffer.from("2a864886f70d010c01", "hex"),
];
const OBJECT_IDENTIFIER = 0x06;
/** Two heads of at most four bytes each, and the identifier's own. */
const HEADS_BYTES = 10;

/**
 * Reads the private key of a file that another PKI made (SW-2, SW-3): PKCS#8, PKCS#1 or SEC 1, PEM or DER, RSA of 2,048 to 4,096
 * bits or on P-256 or P-384; certificates and parameters beside it are passed over.
 *
 * @param bytes the whole file, at most 256 KiB
 * @throws pki.key_encrypted, pki.key_malformed, pki.key_not_accepted, pki.pem_malformed; no error holds anything of the key
 */
export function readKeyFile(bytes: Uint8Array): KeyObject {
  const file = readPkiFile(bytes);
  const key = "pem" in file ? readPem(file.pem) : readDer(file.der);
  // Judges strength, and whether its two halves belong together.
  return importPrivateKey(exportPrivateKey(key));
}

function readPem(text: string): KeyObject {
  if (ENCRYPTED.test(text)) throw new TautlineError("pki.key_encrypted");
  const blocks = splitPem(text).filter((block) => labelOf(block).endsWith("PRIVATE KEY"));
  const [block, ...others] = blocks;
  if (block === undefined) throw malformed("there is no PRIVATE KEY block in it");
  if (others.length > 0) throw malformed("it holds several private keys");
  const form = FORMS.get(labelOf(block));
  if (form === undefined) throw malformed(`a block ${labelOf(block)} is not read here`);
  const key = tryForm(decodePemBlock(block), form);
  if (key === undefined) throw malformed(`what its block ${labelOf(block)} holds is none`);
  return key;
}

function readDer(der: Buffer): KeyObject {
  if (!isOneElement(der)) throw malformed("it is cut off, or something follows the key");
  if (isEncrypted(der)) throw new TautlineError("pki.key_encrypted");
  for (const form of DER_FORMS) {
    const key = tryForm(der, form);
    if (key !== undefined) return key;
  }
  throw malformed("it is DER, but neither PKCS#8, PKCS#1 nor SEC 1");
}

function tryForm(der: Buffer, type: KeyForm): KeyObject | undefined {
  if (!isOneElement(der)) return undefined;
  try {
    return createPrivateKey({ key: der, format: "der", type });
  } catch {
    return undefined;
  }
}

/** OpenSSL stops reading where the key ends. */
function isOneElement(der: Buffer): boolean {
  const first = der[1] ?? 0;
  const octets = first < 0x80 ? 0 : first - 0x80;
  // 0x80 alone is BER's indefinite length.
  if (first === 0x80 || octets > 4 || der.length < 2 + octets) return false;
  const length = octets === 0 ? first : der.readUIntBE(2, octets);
  return der.length === 2 + octets + length;
}

function isEncrypted(der: Buffer): boolean {
  const start = der.subarray(0, HEADS_BYTES + 10);
  return ENCRYPTING.some((oid) => {
    const at = start.indexOf(oid);
    return at >= 2 && at <= HEADS_BYTES && start[at - 2] === OBJECT_IDENTIFIER;
  });
}

function labelOf(block: string): string {
  return /^-----BEGIN (.*)-----/.exec(block)?.[1] ?? "";
}

function malformed(reason: string): TautlineError {
  return new TautlineError("pki.key_malformed", { detail: { reason } });
}
