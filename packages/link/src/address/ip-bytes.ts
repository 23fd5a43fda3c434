import { isIP } from "node:net";

/**
 * Reads an IP address as its bytes, so that two spellings of one address are one.
 *
 * @param text an address without brackets; one with a zone is none, for it means another place on each host
 * @returns 4 or 16 bytes; undefined for anything that is no address
 */
export function ipBytes(text: string): Buffer | undefined {
  const family = text.includes("%") ? 0 : isIP(text);
  if (family === 4) return Buffer.from(text.split(".").map(Number));
  return family === 6 ? ipv6Bytes(text) : undefined;
}

/**
 * Writes four bytes as an IPv4 address.
 *
 * @param bytes of the address, 4
 */
export function ipv4Text(bytes: Uint8Array): string {
  return bytes.join(".");
}

/** RFC 4291 section 2.2; the text is known to be one. */
function ipv6Bytes(text: string): Buffer {
  const [head = "", tail] = text.split("::");
  const front = groupBytes(head);
  const back = groupBytes(tail ?? "");
  return Buffer.from([
    ...front,
    ...Array<number>(16 - front.length - back.length).fill(0),
    ...back,
  ]);
}

function groupBytes(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
