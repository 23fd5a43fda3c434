import { concatBytes, equalBytes, fromBase64Url, toBase64Url, uint32 } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import { TautlineError } from "./error.ts";
import { JoinTokenSchema } from "./gen/tautline/v1/join_token_pb.ts";
import { isHostPort } from "./host-port.ts";
import { LIMITS } from "./limits.ts";
import { decodeCanonicalMessage, encodeMessage } from "./message-codec.ts";
import { isNamespace, isTrustDomain } from "./names.ts";

/** What an operator hands to a new host: where central is, which root to trust, and a secret. */
export interface JoinToken {
  /** "host:port" of central's agents port, in the order to try; IPv6 in brackets. */
  readonly addresses: readonly string[];
  /** SHA-256 of the root's SubjectPublicKeyInfo, 32 bytes each: the current root, then the next. */
  readonly pins: readonly Uint8Array[];
  readonly trustDomain: string;
  readonly namespace: string;
  /** Says which token it is; safe to show. */
  readonly tokenId: string;
  /** 32 bytes; never shown. */
  readonly secret: Uint8Array;
}

/** What an agent presents while it joins. */
export interface TokenCredential {
  readonly tokenId: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

const PREFIX = "tautline1.";
const CODE = "value.join_token";
const CRC_BYTES = 4;
const HASH_BYTES = 32;
const SECRET_BYTES = 32;
const CREDENTIAL = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/**
 * Writes a join token: "tautline1." and the base64url of its protobuf message and the CRC-32 of that.
 *
 * @param token the parts; what they must be is judged here as in `decodeJoinToken`
 * @throws value.join_token
 */
export function encodeJoinToken(token: JoinToken): string {
  assertComplete(token);
  const fields = { ...token, addresses: [...token.addresses], pins: [...token.pins] };
  const message = encodeMessage(JoinTokenSchema, fields, CODE);
  const text = PREFIX + toBase64Url(concatBytes(message, uint32(crc32(message))));
  assertFits(text);
  return text;
}

/**
 * Reads a join token. A part cut off or mistyped in copying is told from a token that central does not know.
 *
 * @param text the token as `encodeJoinToken` wrote it, without anything around it
 * @throws value.join_token
 */
export function decodeJoinToken(text: string): JoinToken {
  assertFits(text);
  if (!text.startsWith(PREFIX)) throw refused(`it does not start with '${PREFIX}'`);
  const bytes = decodeBody(text.slice(PREFIX.length));
  const message = bytes.subarray(0, -CRC_BYTES);
  if (!equalBytes(bytes.subarray(-CRC_BYTES), uint32(crc32(message)))) {
    throw refused("a part of it is missing or mistyped");
  }
  const { addresses, pins, trustDomain, namespace, tokenId, secret } = decodeCanonicalMessage(
    JoinTokenSchema,
    message,
    CODE,
  );
  const token = { addresses, pins, trustDomain, namespace, tokenId, secret };
  assertComplete(token);
  return token;
}

/**
 * Writes what goes after "Authorization: Bearer " while joining.
 *
 * @param tokenId the token's id
 * @param secret its 32 bytes
 * @throws value.join_token
 */
export function formatTokenCredential(tokenId: string, secret: Uint8Array): string {
  if (!isTokenId(tokenId)) throw refused("its id is not of the form it should be");
  if (secret.length !== SECRET_BYTES) throw refused("its secret is not of 32 bytes");
  return `${tokenId}.${toBase64Url(secret)}`;
}

/**
 * Reads what stands after "Authorization: Bearer ".
 *
 * @param text a caller's claim
 * @returns undefined when it is no such credential
 */
export function parseTokenCredential(text: string): TokenCredential | undefined {
  if (text.length > LIMITS.tokenIdCharacters.value + 2 * SECRET_BYTES) return undefined;
  const [, tokenId = "", encoded = ""] = CREDENTIAL.exec(text) ?? [];
  if (!isTokenId(tokenId)) return undefined;
  const secret = decodeSecret(encoded);
  return secret && { tokenId, secret };
}

function decodeSecret(encoded: string): Uint8Array | undefined {
  try {
    const secret = fromBase64Url(encoded);
    return secret.length === SECRET_BYTES ? secret : undefined;
  } catch {
    return undefined;
  }
}

function decodeBody(encoded: string): Uint8Array {
  try {
    return fromBase64Url(encoded);
  } catch (cause) {
    throw new TautlineError(CODE, {
      detail: { reason: "it has characters that no token has, or lacks its end" },
      cause,
    });
  }
}

function isTokenId(text: string): boolean {
  return text.length <= LIMITS.tokenIdCharacters.value && /^[A-Za-z0-9_-]+$/.test(text);
}

function assertFits(text: string): void {
  const limit = LIMITS.joinTokenCharacters.value;
  if (text.length > limit) throw refused(`it is longer than ${limit} characters`);
}

function assertComplete(token: JoinToken): void {
  const { addresses, pins, trustDomain, namespace, tokenId, secret } = token;
  if (addresses.length === 0 || addresses.length > LIMITS.addresses.value) {
    throw refused(`it has ${addresses.length} addresses`);
  }
  if (!addresses.every(isHostPort)) throw refused("one of its addresses is not host:port");
  if (pins.length === 0 || pins.length > LIMITS.pins.value) {
    throw refused(`it has ${pins.length} pins`);
  }
  if (!pins.every((pin) => pin.length === HASH_BYTES)) {
    throw refused("one of its pins is not of 32 bytes");
  }
  if (!isTrustDomain(trustDomain)) throw refused("its trust domain is not a DNS name");
  if (!isNamespace(namespace)) throw refused("its namespace is not a DNS label");
  formatTokenCredential(tokenId, secret);
}

function refused(reason: string): TautlineError {
  return new TautlineError(CODE, { detail: { reason } });
}
