import { CERTIFICATE_USES, type CertificateUse, readCertifiedName } from "./certified-name.ts";
import { TautlineError } from "./error.ts";
import {
  FileCertificateAnswerSchema,
  FileCertificateRequestSchema,
} from "./gen/tautline/v1/certificates_pb.ts";
import { LIMITS } from "./limits.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { printableText } from "./printable-text.ts";

/** What an agent asks for, for one of its host's programs. */
export interface FileCertificateRequest {
  /** What the host's settings call it: a DNS label. */
  readonly label: string;
  /** DNS names and IP addresses, each once and in its one spelling. */
  readonly names: readonly string[];
  readonly use: CertificateUse;
  /** PKCS#10 in PEM. */
  readonly csrPem: string;
}

/** What central answers: a chain, or why there is none. */
export interface FileCertificateAnswer {
  readonly label: string;
  /** Leaf first, then the intermediate; empty where it was refused. */
  readonly chainPem: string;
  /** An error code; empty where it was issued. */
  readonly code: string;
  /** A sentence and what to do, for a person. */
  readonly text: string;
}

const CODE = "certificate.message_malformed";
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const ERROR_CODE = /^(?:[a-z][a-z0-9_]{0,31}\.[a-z][a-z0-9_]{0,63})?$/;
const MOST_TEXT = 1_000;

/**
 * Encodes a request: the data of a custom message.
 *
 * @param request its parts; judged here as in `decodeFileCertificateRequest`
 * @throws certificate.message_malformed
 */
export function encodeFileCertificateRequest(request: FileCertificateRequest): Uint8Array {
  const { names, ...rest } = judgedRequest(request);
  return encodeMessage(FileCertificateRequestSchema, { ...rest, names: [...names] }, CODE);
}

/**
 * Decodes a request. The certificate request in it is bounded and not read.
 *
 * @param bytes the data of a custom message, bounded by the message around it
 * @throws certificate.message_malformed
 */
export function decodeFileCertificateRequest(bytes: Uint8Array): FileCertificateRequest {
  return judgedRequest(decodeMessage(FileCertificateRequestSchema, bytes, CODE));
}

/**
 * Encodes an answer: the data of a custom message. Text over 1,000 characters is cut.
 *
 * @param answer its parts; judged here as in `decodeFileCertificateAnswer`
 * @throws certificate.message_malformed
 */
export function encodeFileCertificateAnswer(answer: FileCertificateAnswer): Uint8Array {
  return encodeMessage(FileCertificateAnswerSchema, { ...judgedAnswer(answer) }, CODE);
}

/**
 * Decodes an answer. Certificates in it are bounded and not read; its text is made printable, because it goes to logs and terminals.
 *
 * @param bytes the data of a custom message, bounded by the message around it
 * @throws certificate.message_malformed
 */
export function decodeFileCertificateAnswer(bytes: Uint8Array): FileCertificateAnswer {
  return judgedAnswer(decodeMessage(FileCertificateAnswerSchema, bytes, CODE));
}

/** What a request has before it is judged. */
type RawRequest = Omit<FileCertificateRequest, "use"> & { readonly use: string };

function judgedRequest({ label, names, use: said, csrPem }: RawRequest): FileCertificateRequest {
  const use = CERTIFICATE_USES.find((each) => each === said);
  if (!LABEL.test(label)) throw malformed("its label is not a DNS label");
  if (use === undefined) throw malformed("its use is not one of server, client and both");
  const limit = LIMITS.certifiedNames.value;
  if (names.length === 0 || names.length > limit) throw malformed(`it has ${names.length} names`);
  if (new Set(names).size !== names.length) throw malformed("it has a name twice");
  if (names.some((each) => readCertifiedName(each) === undefined)) {
    throw malformed("one of its names is neither a DNS name nor an address");
  }
  requirePem(csrPem, LIMITS.csrBytes.value);
  return { label, names: [...names], use, csrPem };
}

function judgedAnswer({ label, chainPem, code, text }: FileCertificateAnswer) {
  if (!LABEL.test(label)) throw malformed("its label is not a DNS label");
  if (!ERROR_CODE.test(code)) throw malformed("its code is not an error code");
  if ((chainPem === "") === (code === ""))
    throw malformed("it has both a chain and a code, or none");
  if (chainPem !== "") requirePem(chainPem, LIMITS.pemBytes.value);
  return { label, chainPem, code, text: printableText(text, MOST_TEXT) };
}

/** Bounds only: reading PEM is for who can read certificates. */
function requirePem(text: string, maxBytes: number): void {
  if (text === "") throw malformed("its PEM part is missing");
  if (text.length > maxBytes) throw malformed(`its PEM part has more than ${maxBytes} bytes`);
  if (!/^[\n\r\x20-\x7e]*$/.test(text)) throw malformed("its PEM part is not text");
}

function malformed(reason: string): TautlineError {
  return new TautlineError(CODE, { detail: { reason } });
}
