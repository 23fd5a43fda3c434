import { TautlineError, isHostPort } from "@tautline/protocol";

/** Where a link goes: a DNS name, IPv4 or IPv6 address (without brackets), and a TCP port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads "host:port", "host", "[IPv6]:port" or "[IPv6]".
 *
 * @param text what a person typed or a token carries
 * @param defaultPort used where the text names none
 * @throws link.address_malformed
 */
export function parseHostPort(text: string, defaultPort: number): HostPort {
  const complete = /^[^:]+$|\]$/.test(text) ? `${text}:${defaultPort}` : text;
  if (!isHostPort(complete)) {
    const reason = /^[^[]*:[^[]*:/.test(text)
      ? "an IPv6 address stands in brackets"
      : "it is not a DNS name or IP address with a port from 1 to 65535";
    throw new TautlineError("link.address_malformed", { detail: { text, reason } });
  }
  const colon = complete.lastIndexOf(":");
  const host = complete.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host, port: Number(complete.slice(colon + 1)) };
}

/**
 * Writes an address so that `parseHostPort` reads it back: IPv6 in brackets.
 *
 * @param host name or address, without brackets
 * @param port TCP port
 */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
