import { printableText } from "@tautline/protocol";
import { BASIC_MAGIC } from "./preface.ts";

/** Why a listener will not have the level `basic` at all, in the caller's own language (docs/reference/links.md). */
export interface BasicRefusal {
  readonly code: string;
  readonly text: string;
  readonly remedy: string;
}

/** Version of the preface, then the level that is none: what follows is a refusal. */
const HEAD = Buffer.from([...BASIC_MAGIC, 1, 0]);
const LENGTH_BYTES = 2;
/** The longest refusal that is read. */
export const MAX_REFUSAL_BYTES = 2_048;
const MAX_TEXT = 500;

/**
 * Writes a refusal: head, 16-bit length, JSON. It is said in clear to anybody, so it names levels and settings and nobody.
 *
 * @param refusal its code, sentence and remedy
 */
export function encodeBasicRefusal({ code, text, remedy }: BasicRefusal): Buffer {
  const [shortText, shortRemedy] = [text, remedy].map((part) => printableText(part, MAX_TEXT));
  const body = Buffer.from(JSON.stringify({ code, text: shortText, remedy: shortRemedy }));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(body.length);
  return Buffer.concat([HEAD, length, body]);
}

/** What the first bytes of an answer come to. */
export type RefusalReading =
  | { readonly kind: "more" }
  | { readonly kind: "none" }
  | { readonly kind: "refusal"; readonly refusal: BasicRefusal; readonly length: number };

/**
 * Tells a refusal from the answer of a handshake, whose length never begins like one. Nobody has proven anything here, so what it
 * says is shown to people and changes nothing.
 *
 * @param bytes what came so far
 */
export function readBasicRefusal(bytes: Buffer): RefusalReading {
  const seen = Math.min(bytes.length, HEAD.length);
  if (!bytes.subarray(0, seen).equals(HEAD.subarray(0, seen))) return { kind: "none" };
  const start = HEAD.length + LENGTH_BYTES;
  if (bytes.length < start) return { kind: "more" };
  const bodyBytes = bytes.readUInt16BE(HEAD.length);
  if (bodyBytes > MAX_REFUSAL_BYTES) return { kind: "none" };
  if (bytes.length < start + bodyBytes) return { kind: "more" };
  const body = bytes.subarray(start, start + bodyBytes).toString("utf8");
  return { kind: "refusal", refusal: parse(body), length: start + bodyBytes };
}

function parse(body: string): BasicRefusal {
  let value: Readonly<Record<string, unknown>> = {};
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null) value = { ...parsed };
  } catch {
    // What cannot be read is a refusal all the same.
  }
  const text = (name: string, otherwise: string): string => {
    const part = value[name];
    return typeof part === "string" ? printableText(part, MAX_TEXT) : otherwise;
  };
  return {
    code: text("code", "link.refused"),
    text: text("text", "It gave no reason that can be read."),
    remedy: text("remedy", "Read the log of central."),
  };
}
