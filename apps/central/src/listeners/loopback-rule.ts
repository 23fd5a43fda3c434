const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/i;

/**
 * Tells whether an address is this host's loopback.
 *
 * @param remoteAddress as the socket tells it
 */
export function isLoopback(remoteAddress: string): boolean {
  return LOOPBACK.test(remoteAddress);
}
