import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";

/** Leaf, a few intermediates, root: more is nothing of ours. */
const LONGEST_CHAIN = 8;

/** Node 22 gives a dialled socket's certificates only once, so what was read is kept as long as the socket. */
const chains = new WeakMap<TLSSocket, readonly X509Certificate[]>();

/**
 * Lists the certificates the other end showed, leaf first, each followed by its issuer as far as the peer sent them.
 *
 * Nothing about them is checked here: that is `verifyChain`'s work.
 *
 * @returns at most 8 certificates; empty where the peer showed none
 */
export function peerChain(socket: TLSSocket): readonly X509Certificate[] {
  const known = chains.get(socket);
  if (known !== undefined) return known;
  const chain = readChain(socket);
  if (chain.length > 0) chains.set(socket, chain);
  return chain;
}

/**
 * Lets go of the certificates that were read from a socket: with all that was found out about them they would live as long as it.
 *
 * @param socket an accepted socket whose peer was judged; it is asked for them no more
 */
export function forgetPeerChain(socket: TLSSocket): void {
  chains.delete(socket);
}

function readChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(certificate);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
