import { constants, randomBytes } from "node:crypto";
import { isIP, type Socket } from "node:net";
import type { ConnectionOptions, TlsOptions, TLSSocket } from "node:tls";
import { parseKeyIdentity, type KeyIdentity } from "@tautline/protocol";
import { allowsClassical, type CryptoChoice, groups } from "../crypto-choice.ts";
import { FFDHE3072_PEM } from "./ffdhe3072.ts";

/** TLS 1.3 takes an external key with a SHA-256 suite only; the other two are for peers that know no TLS 1.3. */
const ACCEPTED_SUITES = [
  "TLS_AES_128_GCM_SHA256",
  "DHE-PSK-AES256-GCM-SHA384",
  "DHE-PSK-AES128-GCM-SHA256",
].join(":");
const DIALLED_SUITES = "TLS_AES_128_GCM_SHA256";
const KEY_BYTES = 32;
/** A ticket would outlive a deleted key: it never asks for one again. */
const NO_TICKETS = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION;

/**
 * Every TLS option of the accepting end of the level `advanced`. It has no certificate: whoever proves no key gets no connection.
 *
 * @param choose the key that a caller named, from memory, before anything is proven; undefined where there is none of that name
 * @param crypto groups; TLS 1.2 is off where they are post-quantum ones only
 */
export function pskServerSettings(
  choose: (socket: TLSSocket, identity: KeyIdentity) => Uint8Array | undefined,
  crypto?: CryptoChoice,
): TlsOptions {
  return {
    // Its key exchange is a classical one, and no list of groups shuts it out.
    minVersion: allowsClassical(crypto) ? "TLSv1.2" : "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: ACCEPTED_SUITES,
    honorCipherOrder: true,
    ecdhCurve: groups(crypto),
    dhparam: FFDHE3072_PEM,
    secureOptions: NO_TICKETS,
    ALPNProtocols: ["http/1.1"],
    pskCallback: (socket: TLSSocket, identity: string) =>
      answerKey(identity, (key) => choose(socket, key)),
  };
}

/**
 * The key that a caller's identity asks for. An unknown name gets a random one, so that it fails as a wrong key does; what is no name
 * of ours at all gets none, because OpenSSL also asks for the 32 random bytes of stateful tickets. Never throws.
 */
function answerKey(
  identity: string,
  choose: (identity: KeyIdentity) => Uint8Array | undefined,
): Uint8Array | null {
  try {
    const key = parseKeyIdentity(identity);
    if (key === undefined) return null;
    return choose(key) ?? randomBytes(KEY_BYTES);
  } catch {
    return randomBytes(KEY_BYTES);
  }
}

/** What a dialler shows and offers. */
export interface PskDial {
  /** A DNS name goes into SNI. */
  readonly host: string;
  /** As `formatKeyIdentity` writes it. */
  readonly identity: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Groups; the default where it is left out. */
  readonly crypto?: CryptoChoice | undefined;
}

/**
 * Every TLS option of the dialling end of the level `advanced`: TLS 1.3 only. Any certificate at all is refused, because a server
 * that shows one has not proven the key.
 *
 * @param socket connected, nothing sent yet
 * @param dial key and groups
 */
export function pskDialSettings(
  socket: Socket,
  { host, identity, key, crypto }: PskDial,
): ConnectionOptions {
  return {
    socket,
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: DIALLED_SUITES,
    ecdhCurve: groups(crypto),
    secureOptions: NO_TICKETS,
    ALPNProtocols: ["http/1.1"],
    ca: [],
    servername: isIP(host) === 0 ? host : "",
    checkServerIdentity: () => new Error("a certificate where a key was to be proven"),
    pskCallback: () => ({ psk: key, identity }),
  };
}
