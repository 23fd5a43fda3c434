import { gunzipSync, inflateSync } from "node:zlib";
import { CLAIM_LIMITS } from "./claim.ts";

/** What a call says its messages are packed with. */
const UNPACKERS: ReadonlyMap<string, (packed: Buffer, limit: number) => Buffer> = new Map([
  ["gzip", (packed, maxOutputLength) => gunzipSync(packed, { maxOutputLength })],
  ["deflate", (packed, maxOutputLength) => inflateSync(packed, { maxOutputLength })],
]);

/**
 * Unpacks a message so that it can be looked at; the packed one is what goes on.
 *
 * @param packed as it came
 * @param encoding value of `grpc-encoding` or `content-encoding`
 * @returns the message, or why it cannot be unpacked: another encoding than gzip and deflate, damage, more than may be looked at
 */
export function unpack(packed: Buffer, encoding: string): Buffer | string {
  const unpacker = UNPACKERS.get(encoding.trim().toLowerCase());
  if (unpacker === undefined) return `it is packed with '${encoding}', which is not unpacked here`;
  try {
    return unpacker(packed, CLAIM_LIMITS.messageBytes);
  } catch (error) {
    const isLong = error instanceof Error && Reflect.get(error, "code") === "ERR_BUFFER_TOO_LARGE";
    return isLong ? `it unpacks to more than ${CLAIM_LIMITS.messageBytes} bytes` : "it is damaged";
  }
}
