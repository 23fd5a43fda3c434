import { isTautlineError, TautlineError } from "@tautline/protocol";
import { formatHostPort } from "./addresses.ts";
import type { CryptoChoice } from "./crypto-choice.ts";
import type { DialledLink } from "./dial-tls.ts";
import { requireIdentity } from "./identity-check.ts";
import { peerChain } from "./peer-chain.ts";
import { proveServer, type ServerTrust } from "./server-trust.ts";
import { evidenceOfFileServer } from "./tls-evidence.ts";
import { openTls, type TlsTarget } from "./tls-handshake.ts";
import { fileDialSettings, type InnerProtocol, type TlsIdentity } from "./tls-settings.ts";

/** Whom to dial by files, and how long to try. */
export interface FileDialOptions extends TlsTarget {
  readonly trust: ServerTrust;
  /** What this end shows (level `mtls`); without it the level is `tls`. */
  readonly identity?: TlsIdentity | undefined;
  /** Groups, and suites of TLS 1.3; a choice that needs ML-KEM leaves TLS 1.2 out. */
  readonly crypto?: CryptoChoice | undefined;
  /** What is to be spoken inside; HTTP/1.1 unless told. */
  readonly protocol?: InnerProtocol | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Dials a server by the certificates of an existing PKI (levels `tls` and `mtls`, SW-5 to SW-8): by authorities from a file or the
 * system's store, by pins, or by both. Before the server is proven not one byte is sent inside the connection.
 *
 * With an identity the server must have asked for it: a mutual link is never traded for `tls`. Whether it accepted the certificate is
 * known at its first answer.
 *
 * @param options whom, by what, for how long
 * @throws link.server_unproven, link.server_unnamed, link.server_too_old, link.certificate_unwanted, link.identity_rejected,
 * link.unproven_level, and those of `openTls`
 */
export async function dialByFiles(
  options: FileDialOptions,
): Promise<Pick<DialledLink, "socket" | "evidence" | "chain">> {
  const { host, port, trust, identity, now } = options;
  const address = formatHostPort(host, port);
  if (identity !== undefined) requireIdentity(identity);
  const settings = fileDialSettings(host, identity, options);
  const socket = await openTls(options, settings).catch((error: unknown) => {
    throw explain(error, address);
  });
  try {
    const chain = peerChain(socket);
    const serial = proveServer(chain, trust, { host, address, at: new Date(now()) });
    const showedCertificate = identity !== undefined;
    const evidence = evidenceOfFileServer(socket, serial, { showedCertificate, now });
    return { socket, evidence, chain };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** What a server answers that has nothing in common with this end; it does not tell whether it is old, or wants something else. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["link.tls_version", "no version in common"],
  ["link.crypto_mismatch", "no key exchange or suite in common"],
]);

/** This dialler speaks TLS 1.2 too, which the usual sentence denies. */
function explain(error: unknown, address: string): unknown {
  if (!isTautlineError(error)) return error;
  const reason = REASONS.get(error.code);
  if (reason === undefined) return error;
  return new TautlineError("link.server_too_old", { detail: { address, reason }, cause: error });
}
