import type { TLSSocket } from "node:tls";

/** RFC 5705; labels that begin so are for private use (section 4). */
const LABEL = "EXPERIMENTAL tautline link 1";
const BINDING_BYTES = 32;
/** TLS 1.2 tells an empty context from none; both ends give an empty one. */
const NO_CONTEXT = Buffer.alloc(0);

/**
 * Gives what the two ends of a TLS connection share and nobody else knows (RFC 5705, RFC 8446 section 7.5): what is signed with it
 * cannot be used on another connection.
 *
 * @param socket its handshake is finished
 * @returns 32 bytes, the same at both ends
 */
export function tlsBinding(socket: TLSSocket): Buffer {
  return socket.exportKeyingMaterial(BINDING_BYTES, LABEL, NO_CONTEXT);
}
