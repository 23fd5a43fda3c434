import { isIPv6 } from "node:net";
import { TautlineError } from "@tautline/protocol";

/** Where a link goes: a DNS name, IPv4 or IPv6 address (without brackets), and a TCP port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const LONGEST = 300;
const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})$/;
const PORT = /^[0-9]{1,5}$/;

/**
 * Reads "host:port", "host", "[IPv6]:port" or "[IPv6]".
 *
 * @param text at most 300 characters
 * @param defaultPort used where the text names none
 * @throws link.address_malformed
 */
export function parseHostPort(text: string, defaultPort: number): HostPort {
  if (text.length > LONGEST) {
    throw malformed(text, `it is longer than ${LONGEST} characters`);
  }
  const bracketed = /^\[([^[\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) {
    const [, host = "", port] = bracketed;
    if (!isIPv6(host)) {
      throw malformed(text, "what stands in the brackets is not an IPv6 address");
    }
    return { host, port: parsePort(text, port, defaultPort) };
  }
  const [host = "", port, ...more] = text.split(":");
  if (more.length > 0) {
    throw malformed(text, "an IPv6 address stands in brackets");
  }
  if (!HOST.test(host)) {
    throw malformed(text, "the host is not a DNS name or IP address");
  }
  return { host, port: parsePort(text, port, defaultPort) };
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

function parsePort(text: string, port: string | undefined, defaultPort: number): number {
  if (port === undefined) {
    return defaultPort;
  }
  const value = PORT.test(port) ? Number(port) : 0;
  if (value < 1 || value > 65_535) {
    throw malformed(text, "the port is not a whole number from 1 to 65535");
  }
  return value;
}

function malformed(text: string, reason: string): TautlineError {
  return new TautlineError("link.address_malformed", { detail: { text, reason } });
}
