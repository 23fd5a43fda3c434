import { SocketAddress } from "node:net";
import { ipBytes, ipv4Text } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";

/** The source addresses that begin with the same bits. */
export interface SourceRange {
  /** As it is shown, always the same for the same range, such as `192.0.2.0/24` or `2001:db8:7::/48`. */
  readonly text: string;
  /** The lowest address of the range: 4 bytes, or 16. */
  readonly bytes: Buffer;
  /** How many leading bits count. */
  readonly bits: number;
}

/** A range that counts fewer bits is no site: half of the Internet is not opened by a slip. */
export const FEWEST_BITS = { ipv4: 8, ipv6: 16 } as const;

const SHAPE = /^(?<address>[0-9a-f.:]{2,45})(?:\/(?<bits>0|[1-9][0-9]{0,2}))?$/i;
const MAPPED_BITS = 96;

/**
 * Reads a range of source addresses (RFC 4632 section 3.1, RFC 4291 section 2.3); refuses and never corrects.
 *
 * @param text an address with the number of its leading bits, or a single address; IPv4 written as IPv6 is IPv4
 * @throws policy.source_range
 */
export function parseSourceRange(text: string): SourceRange {
  const { address = "", bits: written } = SHAPE.exec(text)?.groups ?? {};
  const read = ipBytes(address);
  if (read === undefined) throw refused(text, "it begins with no IPv4 or IPv6 address");
  const bytes = unmapped(read);
  const inside = read.length === bytes.length ? 0 : MAPPED_BITS;
  const bits = written === undefined ? bytes.length * 8 : Number(written) - inside;
  const [family, fewest] =
    bytes.length === 4 ? ["IPv4", FEWEST_BITS.ipv4] : ["IPv6", FEWEST_BITS.ipv6];
  if (bits > bytes.length * 8) throw refused(text, `${family} has no so many bits`);
  if (bits < fewest) {
    throw refused(text, `it is too wide: of ${family} at least ${fewest} leading bits count`);
  }
  const lowest = masked(bytes, bits);
  const shown = `${addressText(lowest)}/${bits}`;
  if (!lowest.equals(bytes)) throw refused(text, `its lowest address is another: ${shown}`);
  return { text: shown, bytes, bits };
}

/**
 * Tells whether a caller's address is in one of some ranges. Pure.
 *
 * @param ranges any number of them
 * @param remoteAddress as the socket tells it, perhaps with a zone, perhaps an IPv4 address written as IPv6
 */
export function isInRanges(ranges: readonly SourceRange[], remoteAddress: string): boolean {
  const [address = ""] = remoteAddress.split("%");
  const read = ipBytes(address);
  if (read === undefined) return false;
  const bytes = unmapped(read);
  return ranges.some(
    (range) => range.bytes.length === bytes.length && masked(bytes, range.bits).equals(range.bytes),
  );
}

/** ::ffff:0:0/96 of RFC 4291 section 2.5.5.2: what an IPv6 socket tells of an IPv4 caller. */
function unmapped(bytes: Buffer): Buffer {
  const isMapped = bytes.length === 16 && bytes.readUInt16BE(10) === 0xffff;
  return isMapped && bytes.subarray(0, 10).every((byte) => byte === 0) ? bytes.subarray(12) : bytes;
}

function masked(bytes: Buffer, bits: number): Buffer {
  return Buffer.from(
    bytes.map((byte, at) => {
      const counted = Math.min(8, Math.max(0, bits - at * 8));
      return byte & (0xff << (8 - counted));
    }),
  );
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return ipv4Text(bytes);
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16));
  return new SocketAddress({ address: groups.join(":"), family: "ipv6" }).address;
}

function refused(text: string, reason: string): TautlineError {
  return new TautlineError("policy.source_range", { detail: { text, reason } });
}
