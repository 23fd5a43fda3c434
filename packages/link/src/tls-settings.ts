import { constants, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { createSecureContext, type ConnectionOptions, type TlsOptions } from "node:tls";

/** Private key and certificate chain (leaf first), both PEM. */
export interface TlsIdentity {
  readonly keyPem: string;
  readonly chainPem: string;
}

/**
 * Preferred groups first. The slash parts preference classes: a client that can X25519MLKEM768 but guessed X25519 is asked again
 * (HelloRetryRequest) instead of being given the weaker group to save a round trip.
 */
const HYBRID_GROUPS = "X25519MLKEM768/X25519:P-256";
/** For an OpenSSL before 3.5 (Node 22), which has no ML-KEM; evidence then shows `pq: false`. */
const CLASSIC_GROUPS = "X25519:P-256";
const CIPHERS = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
].join(":");

/** For servers of an existing PKI that know no TLS 1.3: an ephemeral key exchange and an AEAD, nothing else of TLS 1.2. */
const OLDER_CIPHERS = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
].join(":");

/** Names the protocol inside, so that a handshake cannot be carried to a service that speaks another one (ALPACA). */
const PROTOCOL = "http/1.1";

let supportedGroups: string | undefined;

/**
 * The key-exchange groups of both ends, best first, in OpenSSL's list form: the hybrid one too where this Node can do it.
 */
export function groups(): string {
  supportedGroups ??= canUse(HYBRID_GROUPS) ? HYBRID_GROUPS : CLASSIC_GROUPS;
  return supportedGroups;
}

/**
 * Every TLS option of an accepting end. `setSecureContext` forgets what is not repeated, so this object is always passed whole.
 *
 * A client certificate is asked for, not demanded, and judged by our own code after the handshake: so the refusal can be said.
 *
 * @param identity what central shows; its chain goes up to and includes the root, which pinned diallers look for
 * @param clientRootsPem authorities named to clients when they are asked for a certificate; "" asks nobody (a browser would
 * otherwise show its user a choice of certificates)
 */
export function serverSettings(identity: TlsIdentity, clientRootsPem: string): TlsOptions {
  return {
    ...bothEnds(),
    // Not a list: Node copies it for every connection, nine bytes that keep 64 KiB of a shared buffer alive.
    ALPNCallback: ({ protocols }) => (protocols.includes(PROTOCOL) ? PROTOCOL : undefined),
    key: identity.keyPem,
    cert: identity.chainPem,
    // An empty text would make Node name every authority of the system; an empty list names none.
    ca: clientRootsPem === "" ? [] : clientRootsPem,
    requestCert: clientRootsPem !== "",
    rejectUnauthorized: false,
    honorCipherOrder: true,
  };
}

/**
 * The name by which our own diallers ask for central's own certificate (SNI), whatever the address they dial: a port may show
 * others the certificate of an existing PKI (docs/decisions/0021-certificates-of-an-existing-pki.md).
 *
 * @param trustDomain of the central that is dialled
 */
export function centralServerName(trustDomain: string): string {
  return `central.${trustDomain}`;
}

/**
 * Every TLS option of a dialling end.
 *
 * OpenSSL's own verdict is not used: with `ca: []` nothing but our `verifyChain`, run before the first byte is sent, can accept.
 *
 * @param host a DNS name goes into SNI; an address does not (RFC 6066 section 3)
 * @param identity what the dialler shows, where it has a certificate
 */
export function dialSettings(host: string, identity?: TlsIdentity): ConnectionOptions {
  return {
    ...bothEnds(),
    ALPNProtocols: [PROTOCOL],
    ...(identity && { key: identity.keyPem, cert: identity.chainPem }),
    ca: [],
    servername: isIP(host) === 0 ? host : "",
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  };
}

/**
 * Every TLS option of an end that dials a server of an existing PKI: as `dialSettings`, and TLS 1.2 with an ephemeral key exchange
 * too, for such servers may be old.
 *
 * @param host as dialled; it is also the name that the certificate has to have
 * @param identity what the dialler shows, where it has a certificate
 */
export function fileDialSettings(host: string, identity?: TlsIdentity): ConnectionOptions {
  return {
    ...dialSettings(host, identity),
    minVersion: "TLSv1.2",
    ciphers: `${CIPHERS}:${OLDER_CIPHERS}`,
  };
}

/** Formats certificates for `clientRootsPem`. */
export function rootsPem(roots: readonly X509Certificate[]): string {
  return roots.map((root) => root.toString()).join("");
}

function bothEnds(): {
  minVersion: "TLSv1.3";
  maxVersion: "TLSv1.3";
  ciphers: string;
  ecdhCurve: string;
  secureOptions: number;
} {
  return {
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: CIPHERS,
    ecdhCurve: groups(),
    // A resumed session skips the certificate check (A28): no tickets.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  };
}

function canUse(ecdhCurve: string): boolean {
  try {
    createSecureContext({ ecdhCurve });
    return true;
  } catch {
    return false;
  }
}
