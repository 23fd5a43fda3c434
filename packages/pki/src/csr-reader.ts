import { createPublicKey, type KeyObject } from "node:crypto";
import { LIMITS, TautlineError } from "@tautline/protocol";
import { DerCursor } from "./der-cursor.ts";
import { TAG } from "./der-tags.ts";
import { type NameFacts, readName } from "./distinguished-name.ts";
import { describeExtension } from "./extension-names.ts";
import { readExtensionList } from "./extension-reader.ts";
import { isCanonicalSpki, refuseWeakKey } from "./key-strength.ts";
import { spkiPin } from "./keys.ts";
import { readIdentifier } from "./object-identifier.ts";
import { decodePemBlock, splitPem } from "./pem.ts";
import { readElement, readKeyInfo, readSignedParts } from "./signed-parts.ts";
import { verifyParts } from "./signed-object.ts";

const EXTENSION_REQUEST = "1.2.840.113549.1.9.14";
const READING = { code: "pki.csr_malformed", what: "the request" } as const;
const INSIDE = { code: "pki.csr_malformed", what: "the request's content" } as const;
const ATTRIBUTES = 0xa0;
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
  const signed = readSignedParts(decodeLoneBlock(pem), READING);
  const content = readContent(signed.toBeSigned);
  refuseWishes(content, expected.agentId);
  const publicKey = readKey(content.spki);
  if (!verifyParts(signed, publicKey)) throw new TautlineError("pki.csr_bad_signature");
  return { publicKey, pin: spkiPin(publicKey) };
}

/** CertificationRequestInfo (RFC 2986 section 4.1). */
interface RequestContent {
  readonly subject: NameFacts;
  readonly spki: Uint8Array;
  /** The first thing it asks for, for people. */
  readonly wish: string | undefined;
}

function readContent(der: Uint8Array): RequestContent {
  const cursor = new DerCursor(der, INSIDE);
  const content = cursor.enter(TAG.sequence);
  const version = cursor.read(TAG.integer);
  if (version.length !== 1 || version[0] !== 0) throw malformed("its version is not 1");
  const subject = readName(cursor);
  const spki = readElement(cursor, readKeyInfo);
  const attributes = cursor.enter(ATTRIBUTES);
  let wish: string | undefined;
  while (cursor.hasMore) {
    const asked = readAttribute(cursor);
    wish ??= asked;
  }
  cursor.leave(attributes);
  cursor.leave(content);
  cursor.finish();
  return { subject, spki, wish };
}

/** Reads an Attribute (RFC 2986 section 4.1) and says what it asks for. */
function readAttribute(cursor: DerCursor): string {
  const attribute = cursor.enter(TAG.sequence);
  const type = readIdentifier(cursor);
  const values = cursor.enter(TAG.set);
  const start = cursor.at;
  while (cursor.hasMore) cursor.skip();
  const value = cursor.since(start);
  cursor.leave(values);
  cursor.leave(attribute);
  return type === EXTENSION_REQUEST ? describeExtensions(value) : `the attribute ${type}`;
}

function describeExtensions(value: Uint8Array): string {
  const cursor = new DerCursor(value, {
    code: "pki.csr_malformed",
    what: "the list of extensions",
  });
  const extensions = readExtensionList(cursor);
  cursor.finish();
  return extensions.map(({ oid }) => describeExtension(oid)).join(", ");
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

function refuseWishes({ subject, wish }: RequestContent, agentId: string): void {
  if (!subject.isEmpty && subject.loneCommonName !== agentId) {
    throw notPermitted("a subject other than the agent's id");
  }
  if (wish !== undefined) throw notPermitted(wish);
}

function readKey(spki: Uint8Array): KeyObject {
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
  if (!isCanonicalSpki(key, spki)) {
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
