import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { formatHostPort, type HostPort, nameTlsFailure, peerChain } from "@tautline/link";
import { toTautlineError, type TautlineError } from "@tautline/protocol";

const MAX_ANSWER_BYTES = 16 * 1024;
const OLDER_NAMES: ReadonlyMap<string, string> = new Map([
  ["prime256v1", "P-256"],
  ["secp384r1", "P-384"],
  ["secp521r1", "P-521"],
]);

/** What one attempt offers. */
export interface TlsOffer {
  readonly version: "TLSv1.2" | "TLSv1.3";
  /** The only key-exchange group offered; without it, OpenSSL's own list. */
  readonly group?: string;
  /** Sent once the handshake is done; the answer's first 16 KiB are kept. Never anything secret. */
  readonly request?: string;
}

/** What the other end did with it. */
export type TlsAttempt =
  | {
      readonly ok: true;
      readonly protocol: string;
      readonly cipher: string;
      readonly group: string | null;
      /** Whether it asked for a certificate of the caller; null where TLS 1.2 does not tell. */
      readonly asksForCertificate: boolean | null;
      /** Leaf first; not verified by anything. */
      readonly chain: readonly X509Certificate[];
      readonly answer: string;
      /** Why the connection ended after the handshake, where it did not end cleanly. */
      readonly afterwards: TautlineError | undefined;
    }
  | { readonly ok: false; readonly error: TautlineError };

/**
 * Dials once and reports what was negotiated. For diagnosis only: nothing is verified, so nothing secret may be sent.
 *
 * @param address host and port
 * @param offer version, group, and what to say
 * @param timeoutMs for the whole attempt
 */
export async function attemptTls(
  address: HostPort,
  offer: TlsOffer,
  timeoutMs: number,
): Promise<TlsAttempt> {
  const { promise, resolve } = Promise.withResolvers<TlsAttempt>();
  const name = formatHostPort(address.host, address.port);
  const socket = connect(connectionOptions(address, offer));
  const finished: { attempt: (TlsAttempt & { ok: true }) | undefined } = { attempt: undefined };
  const chunks: Buffer[] = [];
  const finish = (error?: unknown): void => {
    clearTimeout(timer);
    socket.destroy();
    const named =
      error === undefined ? undefined : nameTlsFailure(error, { address: name, timeoutMs });
    const answer = Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString("latin1");
    if (finished.attempt !== undefined) resolve({ ...finished.attempt, answer, afterwards: named });
    else
      resolve({ ok: false, error: named ?? nameTlsFailure(cut(), { address: name, timeoutMs }) });
  };
  const timer = setTimeout(() => finish(timedOut()), timeoutMs);
  socket.on("error", finish);
  socket.on("close", () => finish());
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    if (sizeOf(chunks) >= MAX_ANSWER_BYTES) finish();
  });
  socket.on("end", () => finish());
  socket.once("secureConnect", () => {
    try {
      finished.attempt = negotiated(socket);
    } catch (error) {
      return finish(toTautlineError(error));
    }
    if (offer.request === undefined) socket.end();
    else socket.write(offer.request);
  });
  return await promise;
}

function connectionOptions(address: HostPort, offer: TlsOffer): ConnectionOptions {
  return {
    host: address.host,
    port: address.port,
    servername: isIP(address.host) === 0 ? address.host : "",
    minVersion: offer.version,
    maxVersion: offer.version,
    rejectUnauthorized: false,
    ALPNProtocols: ["http/1.1"],
    ...(offer.group === undefined ? {} : { ecdhCurve: offer.group }),
  };
}

function negotiated(socket: TLSSocket): TlsAttempt & { ok: true } {
  const protocol = socket.getProtocol() ?? "unknown";
  return {
    ok: true,
    protocol,
    cipher: socket.getCipher().name,
    group: negotiatedGroup(socket),
    // Only a CertificateRequest tells a TLS 1.3 client the server's signature algorithms (RFC 8446 section 4.3.2).
    asksForCertificate: protocol === "TLSv1.3" ? socket.getSharedSigalgs().length > 0 : null,
    chain: peerChain(socket),
    answer: "",
    afterwards: undefined,
  };
}

/** OpenSSL calls the NIST curves by their older names. */
function negotiatedGroup(socket: TLSSocket): string | null {
  const info = socket.getEphemeralKeyInfo();
  if (info === null || !("name" in info) || typeof info.name !== "string") return null;
  return OLDER_NAMES.get(info.name) ?? info.name;
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((total, chunk) => total + chunk.length, 0);
}

function timedOut(): Error {
  return Object.assign(new Error("no answer in time"), { code: "ERR_TLS_HANDSHAKE_TIMEOUT" });
}

function cut(): Error {
  return Object.assign(new Error("closed"), { code: "ECONNRESET" });
}
