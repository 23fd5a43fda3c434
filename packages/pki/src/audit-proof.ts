import {
  createHash,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import {
  AUDIT_CHECKPOINT_CONTEXT,
  AUDIT_KEY_CONTEXT,
  type AuditCheckpoint,
  type AuditKeyStatement,
  formatAuditCheckpoint,
  formatAuditKey,
  fromHex,
  parseAuditCheckpoint,
  parseAuditKey,
  type SignedCheckpoint,
  type SignedText,
  TautlineError,
  toHex,
} from "@tautline/protocol";
import { findKeyWeakness, isCanonicalSpki } from "./key-strength.ts";
import { encodeSpki, spkiPin } from "./keys.ts";
import { frameMessage, signMessage, verifyMessage } from "./message-signature.ts";
import { schemeForKey } from "./signature-scheme.ts";

/** Whose checkpoints are believed. */
export interface AuditTrust {
  /** One of their keys must have certified the audit key; the time of a root is not asked, its key is pinned. */
  readonly roots: readonly X509Certificate[];
  readonly trustDomain: string;
}

/** A checkpoint whose signature, key and root were verified. */
export interface ProvenCheckpoint {
  readonly checkpoint: AuditCheckpoint;
  /** What the next checkpoint names as its "previous". */
  readonly hash: string;
  readonly signed: SignedCheckpoint;
}

/**
 * Gives the hash by which the next checkpoint names this one: SHA-256 of its text, in hex.
 *
 * @param body the checkpoint's text
 */
export function checkpointHash(body: string): string {
  return createHash("sha256").update(body, "utf8").digest("hex");
}

/**
 * Lets a root certify the key that signs checkpoints.
 *
 * @param rootKey the root's private key
 * @param statement which key, of which central; `spki` is taken from `auditKey`
 * @param auditKey Ed25519, the public half
 * @throws audit.checkpoint_malformed
 */
export function certifyAuditKey(
  rootKey: KeyObject,
  statement: Omit<AuditKeyStatement, "spki">,
  auditKey: KeyObject,
): SignedText {
  const body = formatAuditKey({ ...statement, spki: toHex(encodeSpki(auditKey)) });
  const bytes = frameMessage(AUDIT_KEY_CONTEXT, Buffer.from(body));
  return { body, signature: sign(schemeForKey(rootKey).hash, bytes, rootKey) };
}

/**
 * Signs a checkpoint.
 *
 * @param auditKey Ed25519, the private half
 * @param checkpoint its parts; `key` is taken from `auditKey`
 * @throws audit.checkpoint_malformed, pki.key_not_accepted
 */
export function signCheckpoint(
  auditKey: KeyObject,
  checkpoint: Omit<AuditCheckpoint, "key">,
): SignedText {
  const body = formatAuditCheckpoint({ ...checkpoint, key: spkiPin(auditKey).toString("hex") });
  return { body, signature: signMessage(auditKey, AUDIT_CHECKPOINT_CONTEXT, Buffer.from(body)) };
}

/**
 * Proves a checkpoint from the root down: the root certified the key, the key signed the text, and all three are of one central.
 *
 * @param signed as received
 * @param trust whose checkpoints are believed
 * @throws audit.checkpoint_malformed, audit.checkpoint_unproven
 */
export function openCheckpoint(signed: SignedCheckpoint, trust: AuditTrust): ProvenCheckpoint {
  const checkpoint = parseAuditCheckpoint(signed.body);
  const statement = parseAuditKey(signed.key.body);
  if (checkpoint.trustDomain !== trust.trustDomain) {
    throw unproven(`it is of trust domain '${checkpoint.trustDomain}'`);
  }
  const { central, trustDomain } = checkpoint;
  if (statement.trustDomain !== trustDomain || statement.central !== central) {
    throw unproven("its key was certified for another central");
  }
  if (!trust.roots.some((root) => isCertified(root.publicKey, signed.key))) {
    throw unproven("no trusted root certified its key");
  }
  const key = readAuditKey(statement);
  if (spkiPin(key).toString("hex") !== checkpoint.key) throw unproven("it names another key");
  if (!verifyMessage(key, AUDIT_CHECKPOINT_CONTEXT, Buffer.from(signed.body), signed.signature)) {
    throw unproven("its signature is wrong");
  }
  return { checkpoint, hash: checkpointHash(signed.body), signed };
}

/**
 * Reads the root that an export names. It must be as it is written, and signed by itself, so that one changed byte is found; that it is
 * the right one only its pin tells.
 *
 * @param pem one certificate
 * @throws audit.checkpoint_unproven
 */
export function readNamedRoot(pem: string): X509Certificate {
  try {
    const root = new X509Certificate(pem);
    if (root.toString() === pem && root.verify(root.publicKey)) return root;
  } catch (cause) {
    throw unproven("the root that is named cannot be read", cause);
  }
  throw unproven("the root that is named is not as it was written");
}

function isCertified(rootKey: KeyObject, { body, signature }: SignedText): boolean {
  if (findKeyWeakness(rootKey) !== undefined) return false;
  const bytes = frameMessage(AUDIT_KEY_CONTEXT, Buffer.from(body));
  return verify(schemeForKey(rootKey).hash, bytes, rootKey, signature);
}

function readAuditKey({ spki }: AuditKeyStatement): KeyObject {
  const der = Buffer.from(fromHex(spki));
  try {
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    if (key.asymmetricKeyType === "ed25519" && isCanonicalSpki(key, der)) return key;
  } catch (cause) {
    throw unproven("its key cannot be read", cause);
  }
  throw unproven("its key is not an Ed25519 key in its usual encoding");
}

function unproven(reason: string, cause?: unknown): TautlineError {
  return new TautlineError("audit.checkpoint_unproven", { cause, detail: { reason } });
}
