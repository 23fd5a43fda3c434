import { X509Certificate } from "node:crypto";
import { TautlineError } from "@tautline/protocol";

/** A bundle of roots and intermediates has a handful; more is a mistake or an attack. */
const MAX_BLOCKS = 64;
/** 64 certificates of 4 KiB each. */
const MAX_CHARACTERS = 256 * 1024;
const BEGIN = /^-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,63})-----$/;
const BASE64_LINE = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Splits PEM text (RFC 7468, strict form) into its blocks; text outside the blocks is a comment, as there, and is dropped.
 *
 * @param text up to 256 KiB with up to 64 blocks
 * @param label keeps only the blocks of this label, such as "CERTIFICATE"
 * @returns each block as PEM text of its own, ending with a newline; empty when there is none
 * @throws pki.pem_malformed for a block that does not end, is not base64 or is nested, and beyond the limits
 */
export function splitPem(text: string, label?: string): string[] {
  if (text.length > MAX_CHARACTERS)
    throw malformed(`it is longer than ${MAX_CHARACTERS} characters`);
  const blocks: string[] = [];
  let open: { label: string; lines: string[] } | undefined;
  let count = 0;
  for (const line of text.split(/\r?\n/).map((each) => each.trimEnd())) {
    if (open === undefined) {
      const begun = BEGIN.exec(line)?.[1];
      if (begun !== undefined) open = { label: begun, lines: [] };
      else if (line.startsWith("-----")) throw malformed("a line of dashes begins no block");
    } else if (line === `-----END ${open.label}-----`) {
      count += 1;
      if (count > MAX_BLOCKS) throw malformed(`it has more than ${MAX_BLOCKS} blocks`);
      if (label === undefined || label === open.label) blocks.push(formatBlock(open));
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== undefined) throw malformed(`the block ${open.label} does not end`);
  return blocks;
}

/**
 * Decodes one PEM block to its DER bytes.
 *
 * @param block one block as `splitPem` returns it
 */
export function decodePemBlock(block: string): Buffer {
  return Buffer.from(block.split("\n").slice(1, -2).join(""), "base64");
}

/**
 * Encodes DER bytes as one PEM block with lines of 64 characters (RFC 7468 section 2).
 *
 * @param label such as "CERTIFICATE"
 * @param der the bytes
 */
export function encodePemBlock(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/**
 * Reads the certificates of a PEM text in their order; blocks of other labels are passed over.
 *
 * @param text up to 256 KiB with up to 64 blocks
 * @returns at least one certificate
 * @throws pki.pem_malformed, pki.certificate_malformed (also when there is none)
 */
export function certificatesFromPem(text: string): X509Certificate[] {
  const blocks = splitPem(text, "CERTIFICATE");
  if (blocks.length === 0) {
    throw new TautlineError("pki.certificate_malformed", {
      detail: { reason: "there is no CERTIFICATE block in the text" },
    });
  }
  return blocks.map(parseCertificate);
}

/**
 * Formats certificates as PEM text, one block after the other.
 *
 * @param certificates in the order wanted, the leaf first for a chain
 */
export function toPem(certificates: readonly X509Certificate[]): string {
  return certificates.map((each) => encodePemBlock("CERTIFICATE", each.raw)).join("");
}

function parseCertificate(block: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (cause) {
    throw new TautlineError("pki.certificate_malformed", {
      detail: { reason: "a CERTIFICATE block does not hold an X.509 certificate" },
      cause,
    });
  }
}

function formatBlock(block: { label: string; lines: readonly string[] }): string {
  const body = block.lines.join("");
  const wholeBase64 = body.length % 4 === 0 && BASE64_LINE.test(body);
  if (!wholeBase64) throw malformed(`the block ${block.label} is not base64`);
  return encodePemBlock(block.label, Buffer.from(body, "base64"));
}

function malformed(reason: string): TautlineError {
  return new TautlineError("pki.pem_malformed", { detail: { reason } });
}
