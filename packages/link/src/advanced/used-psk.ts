/** What a finished TLS handshake says of itself. */
export interface HandshakeFacts {
  /** As `getProtocol()` names it. */
  readonly protocol: string | null;
  /** As `isSessionReused()` tells. */
  readonly isSessionReused: boolean;
  /** OpenSSL's name of the cipher suite. */
  readonly cipher: string;
}

/**
 * Tells whether a pre-shared key carried a handshake. That `pskCallback` ran says nothing: OpenSSL drops a key that does not fit
 * the suite and goes on with certificates. Without tickets, which no context of ours gives, only an external key is resumed from
 * in TLS 1.3 (RFC 8446 section 2.2), and in TLS 1.2 the suite names it (RFC 4279).
 *
 * @param facts of a connection whose context has SSL_OP_NO_TICKET
 */
export function usedPsk({ protocol, isSessionReused, cipher }: HandshakeFacts): boolean {
  if (protocol === "TLSv1.3") return isSessionReused;
  return protocol === "TLSv1.2" && cipher.split("-").includes("PSK") && !isSessionReused;
}
