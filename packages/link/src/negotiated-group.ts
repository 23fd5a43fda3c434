import type { TLSSocket } from "node:tls";
import { canonicalGroupName, readSession, type SessionFacts } from "./session-der.ts";

/**
 * Reads the session of an accepted connection: a server has no other way to its key-exchange group, `getEphemeralKeyInfo()` is null there.
 *
 * @param socket after its handshake
 * @returns undefined where it cannot be read: that costs a link the group's name, never the link
 */
export function readOwnSession(socket: TLSSocket): SessionFacts | undefined {
  const der = socket.getSession();
  try {
    return der && readSession(der);
  } catch {
    // An OpenSSL that writes sessions differently.
    return undefined;
  } finally {
    // It holds the resumption secret.
    der?.fill(0);
  }
}

/**
 * Names the key-exchange group of a dialled connection, as OpenSSL itself tells a dialler. Its session is no help: Node 26 puts the
 * host's name before the DER there.
 *
 * @param socket after its handshake
 * @returns undefined for a group that is not known here
 */
export function dialledGroup(socket: TLSSocket): string | undefined {
  const info = socket.getEphemeralKeyInfo();
  const name: unknown = info === null ? undefined : Reflect.get(info, "name");
  return typeof name === "string" ? canonicalGroupName(name) : undefined;
}
