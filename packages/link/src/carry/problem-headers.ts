import type { TautlineError } from "@tautline/protocol";
import type { RawHeaders } from "./header-rules.ts";

/** Who is refused because nobody could take the call, or for sending too much, may come again after so long. */
const RETRY_AFTER_SECONDS = 5;
const RETRIABLE = new Set([429, 502, 503, 504]);

/**
 * Gives the headers of a problem document (RFC 9457), with Retry-After where the call may be made again (RFC 9110 section 10.2.3): OTLP's
 * exporters wait by it.
 *
 * @param error that is told
 * @param bytes length of the document
 */
export function problemHeaders({ status, detail }: TautlineError, bytes: number): RawHeaders {
  const head = ["content-type", "application/problem+json", "content-length", String(bytes)];
  if (!RETRIABLE.has(status)) return head;
  return [...head, "retry-after", String(detail["retryAfterSeconds"] ?? RETRY_AFTER_SECONDS)];
}
