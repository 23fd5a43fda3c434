import { isIPv6 } from "node:net";
import { networkOf, shownAddress } from "./remote-network.ts";

/**
 * The source that an address stands for when its failures are counted: who has one IPv6 address has its whole /64.
 *
 * @param remoteAddress as a socket tells it, perhaps with a zone, perhaps an IPv4 address written as IPv6
 * @returns an IPv4 address, the /64 of an IPv6 address, or the text as it is
 */
export function sourceOf(remoteAddress: string): string {
  const [address = ""] = shownAddress(remoteAddress).split("%");
  return isIPv6(address) ? networkOf(address) : address;
}
