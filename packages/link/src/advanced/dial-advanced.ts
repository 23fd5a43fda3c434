import type { Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import {
  formatKeyIdentity,
  type KeyIdentity,
  type LinkEvidence,
  TautlineError,
} from "@tautline/protocol";
import type { CryptoChoice } from "../crypto-choice.ts";
import { evidenceOfDialledPsk } from "./advanced-evidence.ts";
import { namePskFailure } from "./psk-failure.ts";
import { pskDialSettings } from "./psk-settings.ts";

/** What the dialling end of the level `advanced` needs. */
export interface DialAdvancedOptions {
  /** Name or address that was dialled. */
  readonly host: string;
  readonly key: KeyIdentity;
  /** 32 bytes, as both ends derive them from the key's text. */
  readonly sharedKey: Uint8Array;
  /** Nobody but central and this agent was given the key. */
  readonly isBound: boolean;
  /** "host:port" of the other end, for errors. */
  readonly address: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Groups that are offered; the default where it is left out. */
  readonly crypto?: CryptoChoice | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A link secured by a shared key and TLS. */
export interface AdvancedLink {
  readonly stream: TLSSocket;
  readonly evidence: LinkEvidence;
}

/**
 * Secures a connection at the level `advanced`, as the end that dialled it: TLS 1.3 with the key as external PSK (RFC 8446 section
 * 4.2.11). A server that shows a certificate instead of proving the key is refused. After a failure it never tries anything lower.
 *
 * @param socket connected, nothing sent yet; destroyed on every failure
 * @param options key, limits
 * @throws link.key_unproven, link.key_missing, link.level_refused, link.unproven_level, link.timeout, link.cancelled, and as `nameTlsFailure`
 */
export function dialAdvanced(socket: Socket, options: DialAdvancedOptions): Promise<AdvancedLink> {
  const { host, key, sharedKey, isBound, address, timeoutMs, signal, now, crypto } = options;
  const identity = formatKeyIdentity(key);
  return new Promise((resolve, reject) => {
    const stream = connect(pskDialSettings(socket, { host, identity, key: sharedKey, crypto }));
    stream.allowHalfOpen = true;
    const settle = (error?: unknown): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      if (error === undefined) return;
      stream.destroy();
      socket.destroy();
      reject(namePskFailure(error, { address, identity, timeoutMs }));
    };
    const cancel = (): void => settle(new TautlineError("link.cancelled", { detail: { address } }));
    const timer = setTimeout(() => {
      settle(new TautlineError("link.timeout", { detail: { address, timeoutMs } }));
    }, timeoutMs);
    signal?.addEventListener("abort", cancel, { once: true });
    stream.once("secureConnect", () => {
      try {
        const proven = { keyId: identity, isBound };
        const evidence = evidenceOfDialledPsk(stream, proven, now);
        settle();
        resolve({ stream, evidence });
      } catch (error) {
        settle(error);
      }
    });
    // Stays for the stream's life: a reset must not end the process before its user listens.
    stream.on("error", settle);
    stream.once("close", () =>
      settle(new TautlineError("link.handshake_cut", { detail: { address } })),
    );
    if (signal?.aborted === true) cancel();
  });
}
