import { constants, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { ConnectionOptions, TlsOptions } from "node:tls";
import { allowsClassical, type CryptoChoice, groups, suites } from "./crypto-choice.ts";

/** Private key and certificate chain (leaf first), both PEM. */
export interface TlsIdentity {
  readonly keyPem: string;
  readonly chainPem: string;
}

/** For servers of an existing PKI that know no TLS 1.3: an ephemeral key exchange and an AEAD, nothing else of TLS 1.2. */
const OLDER_CIPHERS = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
].join(":");

/** A protocol inside TLS, by its name in RFC 7301: a handshake cannot be carried to a service that speaks another one (ALPACA). */
export type InnerProtocol = "h2" | "http/1.1";

/** Asked at each handshake; the first that the caller offers too is spoken. */
export type InnerProtocols = () => readonly InnerProtocol[];

/** What is spoken where nothing else is said. */
const PROTOCOL = "http/1.1";
const ONLY_HTTP1: InnerProtocols = () => [PROTOCOL];

/**
 * Every TLS option of an accepting end. `setSecureContext` forgets what is not repeated, so this object is always passed whole.
 *
 * A client certificate is asked for, not demanded, and judged by our own code after the handshake: so the refusal can be said.
 *
 * @param identity what central shows; its chain goes up to and includes the root, which pinned diallers look for
 * @param clientRootsPem authorities named to clients when they are asked for a certificate; "" asks nobody (a browser would
 * otherwise show its user a choice of certificates)
 * @param options cryptography, the default where it is left out; and protocols, in the order in which the server prefers them
 */
export function serverSettings(
  identity: TlsIdentity,
  clientRootsPem: string,
  {
    crypto,
    protocols: spoken = ONLY_HTTP1,
  }: {
    readonly crypto?: CryptoChoice | undefined;
    readonly protocols?: InnerProtocols | undefined;
  } = {},
): TlsOptions {
  return {
    ...bothEnds(crypto),
    // Not a list: Node copies it for every connection, nine bytes that keep 64 KiB of a shared buffer alive.
    ALPNCallback: ({ protocols }) => spoken().find((each) => protocols.includes(each)),
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
 * @param crypto the default where it is left out
 */
export function dialSettings(
  host: string,
  identity?: TlsIdentity,
  crypto?: CryptoChoice,
): ConnectionOptions {
  return {
    ...bothEnds(crypto),
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
 * @param options cryptography, the default where it is left out (TLS 1.2 only where it allows a classical exchange); and the protocol
 */
export function fileDialSettings(
  host: string,
  identity?: TlsIdentity,
  {
    crypto,
    protocol = PROTOCOL,
  }: {
    readonly crypto?: CryptoChoice | undefined;
    readonly protocol?: InnerProtocol | undefined;
  } = {},
): ConnectionOptions {
  const settings = { ...dialSettings(host, identity, crypto), ALPNProtocols: [protocol] };
  if (!allowsClassical(crypto)) return settings;
  return { ...settings, minVersion: "TLSv1.2", ciphers: `${suites(crypto)}:${OLDER_CIPHERS}` };
}

/** Formats certificates for `clientRootsPem`. */
export function rootsPem(roots: readonly X509Certificate[]): string {
  return roots.map((root) => root.toString()).join("");
}

function bothEnds(crypto?: CryptoChoice): {
  minVersion: "TLSv1.3";
  maxVersion: "TLSv1.3";
  ciphers: string;
  ecdhCurve: string;
  secureOptions: number;
} {
  return {
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: suites(crypto),
    ecdhCurve: groups(crypto),
    // A resumed session skips the certificate check (A28): no tickets.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  };
}
