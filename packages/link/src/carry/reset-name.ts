/** Codes of RST_STREAM and GOAWAY by number (RFC 9113 section 7). */
const NAMES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/**
 * Names the code of a reset.
 *
 * @param code as it came in RST_STREAM or GOAWAY
 */
export function resetName(code: number): string {
  return NAMES[code] ?? `code ${code}`;
}
