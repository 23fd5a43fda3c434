import { createPublicKey, type KeyObject } from "node:crypto";
import { CertificationRequestInfo } from "@peculiar/asn1-csr";
import type { Attribute } from "@peculiar/asn1-x509";
import { Extensions } from "@peculiar/asn1-x509";
import { LIMITS, TautlineError } from "@tautline/protocol";
import { decodeDer, encodeDer } from "./der.ts";
import { describeExtension } from "./extension-names.ts";
import { isCanonicalSpki, refuseWeakKey } from "./key-strength.ts";
import { spkiPin } from "./keys.ts";
import { decodePemBlock, splitPem } from "./pem.ts";
import { decodeSigned, isSignedBy } from "./signed-object.ts";
import { readLoneCommonName } from "./subject-name.ts";

const EXTENSION_REQUEST = "1.2.840.113549.1.9.14";
const LONE_BLOCK =
  /^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----[^-]*-----END (NEW )?CERTIFICATE REQUEST-----\s*$/;

/** What a certificate request gives: the key, and nothing else. */
export interface RequestedKey {
  readonly publicKey: KeyObject;
  /** SHA-256 of the SPKI, 32 bytes. */
  readonly pin: Buffer;
}

/**
 * Reads a certificate request (RFC 2986) and takes the key from it, after its owner has proved to hold it.
 *
 * A request that asks for anything is refused rather than trimmed: an honest agent never asks, so the asking is worth an alarm
 * (threat A12). The key is judged before the signature, so that a huge one costs nothing.
 *
 * @param pem one PEM block and nothing beside it, up to 16 KiB
 * @param expected the agent that asks; the subject is empty or its id
 * @throws pki.pem_malformed, pki.csr_malformed, pki.csr_not_permitted, pki.key_not_accepted, pki.csr_bad_signature
 */
export function readCsr(pem: string, expected: { readonly agentId: string }): RequestedKey {
  const signed = decodeSigned(decodeLoneBlock(pem), {
    code: "pki.csr_malformed",
    what: "the request",
  });
  const info = decodeDer(signed.toBeSigned, CertificationRequestInfo, {
    code: "pki.csr_malformed",
    what: "the request's content",
  });
  if (info.version !== 0) throw malformed("its version is not 1");
  refuseWishes(info, expected.agentId);
  const publicKey = readKey(encodeDer(info.subjectPKInfo));
  if (!isSignedBy(signed, publicKey)) throw new TautlineError("pki.csr_bad_signature");
  return { publicKey, pin: spkiPin(publicKey) };
}

function decodeLoneBlock(pem: string): Buffer {
  const limit = LIMITS.csrBytes.value;
  if (pem.length > limit) throw malformed(`it is longer than ${limit} characters`);
  const [block] = splitPem(pem);
  if (block === undefined || !LONE_BLOCK.test(pem)) {
    throw malformed("it is not exactly one PEM block CERTIFICATE REQUEST");
  }
  return decodePemBlock(block);
}

function refuseWishes(info: CertificationRequestInfo, agentId: string): void {
  const commonName = readLoneCommonName(info.subject);
  if (commonName !== "" && commonName !== agentId) {
    throw notPermitted("a subject other than the agent's id");
  }
  const [wish] = info.attributes;
  if (wish !== undefined) throw notPermitted(describeWish(wish));
}

function describeWish(wish: Attribute): string {
  const [value] = wish.values;
  if (wish.type !== EXTENSION_REQUEST || value === undefined) return `the attribute ${wish.type}`;
  const extensions = decodeDer(value, Extensions, {
    code: "pki.csr_malformed",
    what: "the list of extensions",
  });
  return extensions.map((each) => describeExtension(each.extnID)).join(", ") || "extensions";
}

function readKey(spki: ArrayBuffer): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (cause) {
    throw new TautlineError("pki.key_not_accepted", {
      detail: { reason: "its public key cannot be read" },
      cause,
    });
  }
  refuseWeakKey(key);
  if (!isCanonicalSpki(key, new Uint8Array(spki))) {
    throw malformed("its public key is not in its usual encoding");
  }
  return key;
}

function malformed(reason: string): TautlineError {
  return new TautlineError("pki.csr_malformed", { detail: { reason } });
}

function notPermitted(asked: string): TautlineError {
  return new TautlineError("pki.csr_not_permitted", { detail: { asked } });
}
