import { createServer, type Server, type TLSSocket } from "node:tls";
import {
  formatKeyIdentity,
  type KeyIdentity,
  type LinkEvidence,
  TautlineError,
  toTautlineError,
} from "@tautline/protocol";
import { formatHostPort } from "../addresses.ts";
import type { CryptoChoice } from "../crypto-choice.ts";
import { evidenceOfAcceptedPsk } from "./advanced-evidence.ts";
import { namePskFailure } from "./psk-failure.ts";
import { pskServerSettings } from "./psk-settings.ts";

/** A version of a key as the accepting end knows it. */
export interface SharedKey {
  readonly name: string;
  readonly version: number;
  /** 32 bytes, as both ends derive them from the key's text. */
  readonly sharedKey: Uint8Array;
  /** The one agent it was given to; undefined for a key of a whole namespace. */
  readonly agentId?: string | undefined;
}

/** What the accepting end of the level `advanced` needs. */
export interface AdvancedAcceptorOptions {
  /** The version that an identity names, or the one in use, from memory: OpenSSL does not wait. */
  readonly findKey: (identity: KeyIdentity) => SharedKey | undefined;
  readonly handshakeTimeoutMs: number;
  /** Groups that are allowed; the default where it is left out. */
  readonly crypto?: CryptoChoice | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The key is proven. */
  readonly onSecured: (stream: TLSSocket, evidence: LinkEvidence, key: SharedKey) => void;
  /** A connection failed before that; it is closed already. */
  readonly onFailed: (error: TautlineError, remoteAddress: string) => void;
}

/** What a caller named, and the version that was chosen for it then. */
interface Named {
  readonly identity: KeyIdentity;
  readonly key: SharedKey | undefined;
}

/**
 * Makes the accepting end of the level `advanced`: TLS 1.3 and, for old peers, TLS 1.2 with a pre-shared key, and with nothing else.
 *
 * @param options keys, limits, and who is told
 * @returns a server that does not listen: hand it connections with `emit("connection", socket)`
 */
export function createAdvancedAcceptor(options: AdvancedAcceptorOptions): Server {
  const { findKey, handshakeTimeoutMs: timeoutMs } = options;
  const named = new WeakMap<TLSSocket, Named>();
  const settings = pskServerSettings((socket, identity) => {
    const key = findKey(identity);
    named.set(socket, { identity, key });
    return key?.sharedKey;
  }, options.crypto);
  const server = createServer({ ...settings, handshakeTimeout: timeoutMs, noDelay: true });
  const fail = (error: unknown, socket: TLSSocket): void => {
    const address = addressOf(socket);
    const asked = named.get(socket)?.identity;
    const identity = asked && formatKeyIdentity(asked);
    socket.destroy();
    report(options, namePskFailure(error, { address, identity, timeoutMs }), address);
  };
  server.on("tlsClientError", (error, socket) => fail(error, socket));
  server.on("secureConnection", (stream) => {
    stream.allowHalfOpen = true;
    stream.on("error", () => {});
    try {
      const key = named.get(stream)?.key;
      // Looked up once more: a version that was removed while the handshake went on opens nothing.
      if (key === undefined || findKey(key) === undefined) throw unproven(stream);
      const proven = { keyId: formatKeyIdentity(key), isBound: key.agentId !== undefined };
      options.onSecured(stream, evidenceOfAcceptedPsk(stream, proven, options.now), key);
    } catch (error) {
      fail(toTautlineError(error), stream);
    }
  });
  return server;
}

function unproven(stream: TLSSocket): TautlineError {
  const reason = "it named no key that is live here";
  const detail = { address: addressOf(stream), level: "advanced", reason };
  return new TautlineError("link.unproven_level", { detail });
}

function report(options: AdvancedAcceptorOptions, error: TautlineError, address: string): void {
  try {
    options.onFailed(error, address);
  } catch {
    // Whoever reports failures has nobody left to report its own to; the connection is closed already.
  }
}

function addressOf({ remoteAddress, remotePort }: TLSSocket): string {
  return remoteAddress === undefined || remotePort === undefined
    ? "an unknown address"
    : formatHostPort(remoteAddress, remotePort);
}
