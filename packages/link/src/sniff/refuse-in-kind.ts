import type { Socket } from "node:net";
import { printableText } from "@tautline/protocol";
import { type BasicRefusal, encodeBasicRefusal } from "../basic/basic-refusal.ts";

/** TLS alert, fatal, insufficient_security (RFC 8446 section 6.2): what a caller with a key is told where keys are not accepted. */
const INSUFFICIENT_SECURITY = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 71]);
/** An empty SETTINGS frame, with which a server must begin (RFC 9113 section 3.4). */
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const GOAWAY = 7;
/** RFC 9113 section 7. */
const INADEQUATE_SECURITY = 0x0c;
const GOAWAY_FIXED_BYTES = 8;
const MAX_DEBUG_BYTES = 1_000;

/**
 * Writes the refusal of an HTTP/2 connection: SETTINGS, then GOAWAY with the reason as debug data (RFC 9113 section 6.8).
 *
 * @param text the reason and the remedy, for people
 */
export function encodeHttp2Refusal(text: string): Buffer {
  const debug = Buffer.from(printableText(text, MAX_DEBUG_BYTES), "utf8").subarray(
    0,
    MAX_DEBUG_BYTES,
  );
  const frame = Buffer.alloc(9 + GOAWAY_FIXED_BYTES);
  frame.writeUIntBE(GOAWAY_FIXED_BYTES + debug.length, 0, 3);
  frame.writeUInt8(GOAWAY, 3);
  frame.writeUInt32BE(INADEQUATE_SECURITY, 9 + 4);
  return Buffer.concat([EMPTY_SETTINGS, frame, debug]);
}

/**
 * Refuses a caller in its own language and closes.
 *
 * @param socket whose first bytes were looked at
 * @param kind what it speaks
 * @param refusal why; names levels and settings and nobody
 */
export function refuseInKind(
  socket: Socket,
  kind: "basic" | "advanced" | "http2",
  refusal: BasicRefusal,
): void {
  socket.on("error", () => {});
  // What the caller sent is read away: unread bytes would turn the close into a reset that can overtake the refusal.
  socket.resume();
  socket.end(wordsFor(kind, refusal), () => socket.destroySoon());
}

function wordsFor(kind: "basic" | "advanced" | "http2", refusal: BasicRefusal): Buffer {
  if (kind === "basic") return encodeBasicRefusal(refusal);
  if (kind === "advanced") return INSUFFICIENT_SECURITY;
  return encodeHttp2Refusal(`${refusal.text} ${refusal.remedy} (${refusal.code})`);
}
