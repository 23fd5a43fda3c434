import { TautlineError, isHostPort } from "@tautline/protocol";

/** Where a link goes: a DNS name, IPv4 or IPv6 address (without brackets), and a TCP port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** RFC 4007 section 11.2: a zone names an interface of this host, at which a link-local address is; Linux takes 15 characters. */
const ZONED = /^(\[fe[89ab][0-9a-f]:[0-9a-f:.]*)%([0-9A-Za-z][0-9A-Za-z._-]{0,14})\](.*)$/i;

/**
 * Reads "host:port", "host", "[IPv6]:port" or "[IPv6]". A link-local IPv6 address may have a zone, "[fe80::1%eth0]"; such an
 * address means nothing on another host and is refused in tokens, grants and instructions.
 *
 * @param text what a person typed or a token carries
 * @param defaultPort used where the text names none
 * @throws link.address_malformed
 */
export function parseHostPort(text: string, defaultPort: number): HostPort {
  const [, start, zone, end] = ZONED.exec(text) ?? [];
  const plain = start === undefined ? text : `${start}]${end}`;
  const complete = /^[^:]+$|\]$/.test(plain) ? `${plain}:${defaultPort}` : plain;
  if (!isHostPort(complete)) {
    const reason = /^[^[]*:[^[]*:/.test(text)
      ? "an IPv6 address stands in brackets"
      : "it is not a DNS name or IP address with a port from 1 to 65535";
    throw new TautlineError("link.address_malformed", { detail: { text, reason } });
  }
  const colon = complete.lastIndexOf(":");
  const host = complete.slice(0, colon).replace(/^\[|\]$/g, "");
  return {
    host: zone === undefined ? host : `${host}%${zone}`,
    port: Number(complete.slice(colon + 1)),
  };
}

/**
 * Takes the zone out of an address: it is this host's own affair and stands in no header (RFC 6874 section 4).
 *
 * @param address a host, or "host:port"
 */
export function withoutZone(address: string): string {
  return address.replace(/%[^\]]*/, "");
}

/** What a socket of IPv6 that takes both calls a caller of IPv4 (RFC 4291 section 2.5.5.2). */
const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;

/**
 * Writes an address so that `parseHostPort` reads it back: IPv6 in brackets, and IPv4 as such where an IPv6 socket took it.
 *
 * @param host name or address, without brackets
 * @param port TCP port
 */
export function formatHostPort(host: string, port: number): string {
  const shown = host.replace(MAPPED, "");
  return shown.includes(":") ? `[${shown}]:${port}` : `${shown}:${port}`;
}
