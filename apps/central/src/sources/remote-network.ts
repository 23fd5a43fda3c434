import { isIPv4, isIPv6 } from "node:net";
import { printableText } from "@tautline/protocol";
import { HISTORY_LIMITS } from "../history/history-limits.ts";

const MAPPED = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;
const GROUPS = 8;
const GROUPS_OF_A_64 = 4;

/**
 * Writes a socket's remote address for people: IPv4 as such where an IPv6 socket took it, printable and bounded.
 *
 * @param remoteAddress as the socket tells it
 */
export function shownAddress(remoteAddress: string): string {
  return printableText(remoteAddress.replace(MAPPED, ""), HISTORY_LIMITS.addressCharacters);
}

/**
 * Gives the network of an address, as wide as one subscriber usually has: /24 of IPv4, /64 of IPv6.
 *
 * @param remoteAddress as the socket tells it
 * @returns such as `192.0.2.0/24` or `2001:db8:1:2::/64`; `unknown` for what is no address
 */
export function networkOf(remoteAddress: string): string {
  const [address = ""] = shownAddress(remoteAddress).split("%");
  if (isIPv4(address)) return `${address.split(".").slice(0, 3).join(".")}.0/24`;
  if (!isIPv6(address)) return "unknown";
  const [before = "", after] = address.toLowerCase().split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const missing = after === undefined ? 0 : Math.max(0, GROUPS - head.length - tail.length);
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail].slice(0, GROUPS_OF_A_64);
  // "01" and "1" are one group.
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
