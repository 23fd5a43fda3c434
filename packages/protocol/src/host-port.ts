import { LIMITS } from "./limits.ts";

/** A DNS name or IPv4 address: letters, digits, hyphens; labels joined by dots (RFC 1123 section 2.1). */
const HOST =
  /^(?=.{1,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.|$)){4}$/;

/**
 * Tells whether text is "host:port" as join tokens and grants carry it: a DNS name, an IPv4 address or an IPv6 address
 * in brackets (RFC 3986 section 3.2.2), then a port from 1 to 65535 without leading zeros.
 *
 * @param text any text
 */
export function isHostPort(text: string): boolean {
  if (text.length > LIMITS.hostPortCharacters.value) return false;
  const colon = text.lastIndexOf(":");
  if (colon < 1) return false;
  const host = text.slice(0, colon);
  const port = text.slice(colon + 1);
  return isPort(port) && (host.startsWith("[") ? isBracketedIpv6(host) : isName(host));
}

function isPort(text: string): boolean {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535;
}

/** What looks like an IPv4 address must be one: "1.2.3" would be read differently by different resolvers. */
function isName(host: string): boolean {
  const last = host.slice(host.lastIndexOf(".") + 1);
  return HOST.test(host) && (/^[0-9]+$/.test(last) ? isIpv4(host) : true);
}

function isIpv4(text: string): boolean {
  return IPV4.test(text) && !text.endsWith(".");
}

/** RFC 4291 section 2.2: eight groups, one run of zeros as "::", the last two groups perhaps as IPv4; no zone. */
function isBracketedIpv6(host: string): boolean {
  if (!host.endsWith("]")) return false;
  const halves = host.slice(1, -1).split("::");
  if (halves.length > 2) return false;
  const counts = halves.map((half, at) => countGroups(half, at === halves.length - 1));
  const total = counts.reduce((sum, count) => sum + count, 0);
  return halves.length === 1 ? total === 8 : total <= 7;
}

/** How many 16-bit groups a colon-separated half has; NaN when one of them is none. */
function countGroups(half: string, mayEndInIpv4: boolean): number {
  if (half === "") return 0;
  const groups = half.split(":");
  const tail = groups.at(-1) ?? "";
  const hasIpv4 = mayEndInIpv4 && isIpv4(tail);
  const plain = hasIpv4 ? groups.slice(0, -1) : groups;
  if (!plain.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return Number.NaN;
  return plain.length + (hasIpv4 ? 2 : 0);
}
