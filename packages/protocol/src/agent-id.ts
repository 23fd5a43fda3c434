import { fromHex, toHex } from "./bytes.ts";
import { TautlineError } from "./error.ts";

/** UUID version 7, RFC 9562 section 5.7, in its canonical lower-case text. */
const AGENT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const RANDOM_BYTES = 10;
const LATEST_MS = 2 ** 48 - 1;

/**
 * Makes an agent id: a UUID version 7 (RFC 9562 section 5.7), also OpAMP's `instance_uid`.
 *
 * @param nowMs milliseconds since 1970-01-01T00:00:00Z
 * @param random 10 random bytes, of which 74 bits are used
 * @throws value.agent_id when an argument is not of that form
 */
export function makeAgentId(nowMs: number, random: Uint8Array): string {
  if (!Number.isInteger(nowMs) || nowMs < 0 || nowMs > LATEST_MS) throw notAnAgentId(`${nowMs} ms`);
  if (random.length !== RANDOM_BYTES) throw notAnAgentId(`${random.length} random bytes`);
  const bytes = new Uint8Array(16);
  // Division, because the bit operators of the language stop at 32 bits.
  for (let at = 0; at < 6; at += 1) bytes[at] = Math.floor(nowMs / 2 ** (40 - 8 * at));
  bytes.set(random, 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return toText(bytes);
}

/**
 * Tells whether text is an agent id in its one canonical form.
 *
 * @param text any text
 */
export function isAgentId(text: string): boolean {
  return AGENT_ID.test(text);
}

/**
 * Reads an agent id; refuses upper case, braces and other versions, never normalises.
 *
 * @param text a UUID version 7 in lower case
 * @throws value.agent_id
 */
export function parseAgentId(text: string): string {
  if (!isAgentId(text)) throw notAnAgentId(text);
  return text;
}

/**
 * Writes an agent id as the 16 bytes of OpAMP's `instance_uid`.
 *
 * @param id a UUID version 7 in lower case
 * @throws value.agent_id
 */
export function agentIdToBytes(id: string): Uint8Array {
  return fromHex(parseAgentId(id).replaceAll("-", ""));
}

/**
 * Reads an agent id from the 16 bytes of OpAMP's `instance_uid`.
 *
 * @param bytes 16 bytes
 * @throws value.agent_id
 */
export function agentIdFromBytes(bytes: Uint8Array): string {
  if (bytes.length !== 16) throw notAnAgentId(`${bytes.length} bytes`);
  return parseAgentId(toText(bytes));
}

function toText(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return [...groups, hex.slice(20)].join("-");
}

function notAnAgentId(text: string): TautlineError {
  return new TautlineError("value.agent_id", { detail: { text } });
}
