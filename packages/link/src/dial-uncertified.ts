import type { KeyIdentity } from "@tautline/protocol";
import { formatHostPort } from "./addresses.ts";
import { dialAdvanced } from "./advanced/dial-advanced.ts";
import { dialBasic, type DialBasicOptions } from "./basic/dial-basic.ts";
import { basicPsk } from "./basic/prologue.ts";
import { tlsBinding } from "./channel-binding.ts";
import { connectTcp, type ConnectTcpOptions } from "./connect-tcp.ts";
import type { CryptoChoice } from "./crypto-choice.ts";
import { dialWithin, type DialDeadline } from "./dial-deadline.ts";
import { plaintextEvidence } from "./plaintext/plaintext-evidence.ts";
import type { SecuredSocket } from "./secured-socket.ts";

/** Whom to dial without any certificate, and how long to try. */
export interface UncertifiedDial extends DialDeadline, Pick<ConnectTcpOptions, "proxy"> {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
}

/** The same by a key that both ends share. */
export interface KeyedDial extends UncertifiedDial {
  readonly key: KeyIdentity;
  /** 32 bytes, as both ends derive them from the key's text. */
  readonly sharedKey: Uint8Array;
  /** Groups that are offered at `advanced`; the default where it is left out. */
  readonly crypto?: CryptoChoice | undefined;
}

/**
 * Dials without any protection (level `plaintext`).
 *
 * @param options address, proxy, time
 * @throws link.*
 */
export async function dialPlaintext(options: UncertifiedDial): Promise<SecuredSocket> {
  const socket = await dialWithin(options, (signal) => connectTcp({ ...options, signal }));
  return { socket, evidence: plaintextEvidence(options.now) };
}

/**
 * Dials by a key that both ends share, at that level and at no other whatever happens (A24, F17).
 *
 * @param level one of the two
 * @param options address, key, proxy, time
 * @throws link.*
 */
export function dialKeyed(level: "basic" | "advanced", options: KeyedDial): Promise<SecuredSocket> {
  return dialWithin(options, async (signal) => {
    const { host, port } = options;
    const socket = await connectTcp({ ...options, signal });
    // That nobody else holds the key is the accepting end's to know; so this end is never surer than that somebody who holds it answers.
    const how = { ...options, address: formatHostPort(host, port), isBound: false, signal };
    return level === "basic" ? overBasic(socket, how) : overAdvanced(socket, how);
  });
}

type Socket = Parameters<typeof dialBasic>[0];
type How = KeyedDial & Omit<DialBasicOptions, "psk">;

async function overBasic(socket: Socket, how: How): Promise<SecuredSocket> {
  const link = await dialBasic(socket, { ...how, psk: basicPsk(how.sharedKey) });
  const { stream, evidence, handshakeHash } = link;
  return { socket: stream, evidence, binding: () => handshakeHash };
}

async function overAdvanced(socket: Socket, how: How): Promise<SecuredSocket> {
  const { stream, evidence } = await dialAdvanced(socket, how);
  return { socket: stream, evidence, binding: () => tlsBinding(stream) };
}
