import { TautlineError } from "./error.ts";
import {
  EnrolmentGrantSchema,
  EnrolmentRequestSchema,
  RenewalRequestSchema,
} from "./gen/tautline/v1/enrolment_pb.ts";
import { isHostPort } from "./host-port.ts";
import { LIMITS } from "./limits.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { isAgentName, isNamespace, isTrustDomain } from "./names.ts";

/** What a joining agent asks for beside its client certificate. */
export interface EnrolmentRequest {
  /** A label for people; never an identity. */
  readonly name: string;
  /** PKCS#10 in PEM, for the agent's server certificate. */
  readonly serverCsrPem: string;
  readonly agentVersion: string;
}

/** What an enrolled agent asks for beside its next client certificate. */
export interface RenewalRequest {
  /** Number of the identity asked for, from 1 on. */
  readonly counter: bigint;
  /** PKCS#10 in PEM, for the agent's next server certificate. */
  readonly serverCsrPem: string;
  readonly agentVersion: string;
}

/** What central gives an agent that joins or renews, beside its client certificate. */
export interface EnrolmentGrant {
  readonly namespace: string;
  readonly trustDomain: string;
  /** Leaf first, then the intermediate. */
  readonly serverChainPem: string;
  readonly rootsPem: string;
  /** SubjectPublicKeyInfo of the Ed25519 instructor key, in PEM. */
  readonly instructorKeyPem: string;
  readonly signerEpoch: number;
  /** "host:port" of central's agents port, in the order to try. */
  readonly addresses: readonly string[];
  /** The label as central keeps it. */
  readonly name: string;
  /** Number of the identity granted; 0n is that of the join. */
  readonly renewalCounter: bigint;
}

type Code =
  | "enrolment.request_malformed"
  | "enrolment.renewal_malformed"
  | "enrolment.grant_malformed";

/**
 * Encodes an enrolment request: the data of a custom message.
 *
 * @param request its parts; what they must be is judged here as in `decodeEnrolmentRequest`
 * @throws enrolment.request_malformed
 */
export function encodeEnrolmentRequest(request: EnrolmentRequest): Uint8Array {
  assertRequest(request);
  return encodeMessage(EnrolmentRequestSchema, { ...request }, "enrolment.request_malformed");
}

/**
 * Decodes an enrolment request. The certificate request in it is bounded and not read.
 *
 * @param bytes the data of a custom message, bounded by the message around it
 * @throws enrolment.request_malformed
 */
export function decodeEnrolmentRequest(bytes: Uint8Array): EnrolmentRequest {
  const code = "enrolment.request_malformed";
  const { name, serverCsrPem, agentVersion } = decodeMessage(EnrolmentRequestSchema, bytes, code);
  const request = { name, serverCsrPem, agentVersion };
  assertRequest(request);
  return request;
}

/**
 * Encodes a renewal request: the data of a custom message.
 *
 * @param request its parts; what they must be is judged here as in `decodeRenewalRequest`
 * @throws enrolment.renewal_malformed
 */
export function encodeRenewalRequest(request: RenewalRequest): Uint8Array {
  assertRenewal(request);
  return encodeMessage(RenewalRequestSchema, { ...request }, "enrolment.renewal_malformed");
}

/**
 * Decodes a renewal request. The certificate request in it is bounded and not read.
 *
 * @param bytes the data of a custom message, bounded by the message around it
 * @throws enrolment.renewal_malformed
 */
export function decodeRenewalRequest(bytes: Uint8Array): RenewalRequest {
  const code = "enrolment.renewal_malformed";
  const { counter, serverCsrPem, agentVersion } = decodeMessage(RenewalRequestSchema, bytes, code);
  const request = { counter, serverCsrPem, agentVersion };
  assertRenewal(request);
  return request;
}

/**
 * Encodes an enrolment grant: the data of a custom message.
 *
 * @param grant its parts; what they must be is judged here as in `decodeEnrolmentGrant`
 * @throws enrolment.grant_malformed
 */
export function encodeEnrolmentGrant(grant: EnrolmentGrant): Uint8Array {
  assertGrant(grant);
  const fields = { ...grant, addresses: [...grant.addresses] };
  return encodeMessage(EnrolmentGrantSchema, fields, "enrolment.grant_malformed");
}

/**
 * Decodes an enrolment grant. Certificates and key in it are bounded and not read.
 *
 * @param bytes the data of a custom message, bounded by the message around it
 * @throws enrolment.grant_malformed
 */
export function decodeEnrolmentGrant(bytes: Uint8Array): EnrolmentGrant {
  const message = decodeMessage(EnrolmentGrantSchema, bytes, "enrolment.grant_malformed");
  const { namespace, trustDomain, serverChainPem, rootsPem } = message;
  const { instructorKeyPem, signerEpoch, addresses, name, renewalCounter } = message;
  const names = { namespace, trustDomain, name, addresses };
  const keys = { serverChainPem, rootsPem, instructorKeyPem, signerEpoch };
  const grant = { ...names, ...keys, renewalCounter };
  assertGrant(grant);
  return grant;
}

function assertRequest({ name, serverCsrPem, agentVersion }: EnrolmentRequest): void {
  const code = "enrolment.request_malformed";
  if (!isAgentName(name)) throw malformed(code, "its name is not a label");
  assertPem(code, serverCsrPem, LIMITS.csrBytes.value);
  if (!isVersion(agentVersion)) throw malformed(code, "its agent version is not a version");
}

function assertRenewal({ counter, serverCsrPem, agentVersion }: RenewalRequest): void {
  const code = "enrolment.renewal_malformed";
  if (counter < 1n) throw malformed(code, "its number is not above 0");
  assertPem(code, serverCsrPem, LIMITS.csrBytes.value);
  if (!isVersion(agentVersion)) throw malformed(code, "its agent version is not a version");
}

function assertGrant(grant: EnrolmentGrant): void {
  const code = "enrolment.grant_malformed";
  const { namespace, trustDomain, addresses, name, signerEpoch } = grant;
  if (!isNamespace(namespace)) throw malformed(code, "its namespace is not a DNS label");
  if (!isTrustDomain(trustDomain)) throw malformed(code, "its trust domain is not a DNS name");
  if (!isAgentName(name)) throw malformed(code, "its name is not a label");
  if (addresses.length === 0 || addresses.length > LIMITS.addresses.value) {
    throw malformed(code, `it has ${addresses.length} addresses`);
  }
  if (!addresses.every(isHostPort)) throw malformed(code, "one of its addresses is not host:port");
  if (signerEpoch < 1) throw malformed(code, "its epoch is 0");
  for (const pem of [grant.serverChainPem, grant.rootsPem, grant.instructorKeyPem]) {
    assertPem(code, pem, LIMITS.pemBytes.value);
  }
}

/** Bounds only: reading PEM is for who can read certificates. */
function assertPem(code: Code, text: string, maxBytes: number): void {
  if (text === "") throw malformed(code, "a PEM part is missing");
  if (text.length > maxBytes) throw malformed(code, `a PEM part has more than ${maxBytes} bytes`);
  if (!/^[\n\r\x20-\x7e]*$/.test(text)) throw malformed(code, "a PEM part is not text");
}

function isVersion(text: string): boolean {
  return text.length <= LIMITS.agentVersionCharacters.value && /^[0-9A-Za-z.+-]+$/.test(text);
}

function malformed(code: Code, reason: string): TautlineError {
  return new TautlineError(code, { detail: { reason } });
}
