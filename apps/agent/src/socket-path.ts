import { TautlineError } from "@tautline/protocol";

/** Longest socket path, in bytes without the closing zero: Linux takes 107, macOS and the BSDs 103. */
const MAX_PATH_BYTES = process.platform === "linux" ? 107 : 103;

/**
 * Checks that a Unix socket can have a path; Node cuts a longer one off and makes another socket than was meant.
 *
 * @param path of the socket
 * @throws agent.socket_path_too_long
 */
export function requireSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return;
  const detail = { path, bytes, limit: MAX_PATH_BYTES };
  throw new TautlineError("agent.socket_path_too_long", { detail });
}
