import { isIPv6 } from "node:net";

/**
 * The source that an address stands for when its failures are counted: who has one IPv6 address has its whole /64.
 *
 * @param remoteAddress as a socket tells it, perhaps with a zone, perhaps an IPv4 address written as IPv6
 * @returns an IPv4 address, the first four groups of an IPv6 address, or the text as it is
 */
export function sourceOf(remoteAddress: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress)?.[1];
  if (mapped !== undefined) return mapped;
  const [address = ""] = remoteAddress.split("%");
  return isIPv6(address) ? networkOf(address) : address;
}

function networkOf(address: string): string {
  const [before = "", after] = address.toLowerCase().split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = after === undefined ? [] : Array<string>(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}
