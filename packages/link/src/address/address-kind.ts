import { BlockList } from "node:net";
import { ipBytes, ipv4Text } from "./ip-bytes.ts";

/** What is special about an address that nobody reaches through central or an agent unless it is named. */
export type AddressKind =
  | "unreadable"
  | "unspecified"
  | "multicast"
  | "broadcast"
  | "loopback"
  | "link-local"
  | "metadata"
  | "translator";

/** An address as it is judged. */
export interface JudgedAddress {
  /** Undefined for an ordinary address, private ones among them. */
  readonly kind: AddressKind | undefined;
  /** The kind is that of an IPv4 address which this IPv6 address leads on to, by a translator elsewhere. */
  readonly isTranslated: boolean;
}

/**
 * The ranges by kind, the first that fits counts: IANA's special-purpose registries (RFC 6890) as far as they lead to a host itself or to
 * its neighbours, and the addresses outside of link-local at which clouds give their machines' credentials away.
 */
const RANGES: readonly (readonly [AddressKind, readonly string[]])[] = [
  ["broadcast", ["255.255.255.255/32"]],
  ["unspecified", ["0.0.0.0/8", "::/128"]],
  ["loopback", ["127.0.0.0/8", "::1/128"]],
  ["link-local", ["169.254.0.0/16", "fe80::/10"]],
  ["multicast", ["224.0.0.0/4", "ff00::/8"]],
  // Where in such an address the IPv4 address stands is known to its network alone (RFC 8215): it may be any of the above.
  ["translator", ["64:ff9b:1::/48"]],
  ["metadata", ["100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::254/128"]],
];

const KINDS = RANGES.map(([kind, networks]) => ({ kind, list: blockList(networks) }));

/** Prefixes of IPv6 addresses that stand for an IPv4 address, and where in them it stands. */
const EMBEDDINGS: readonly {
  readonly prefix: string;
  readonly bits: number;
  readonly isTranslated: boolean;
  readonly find: (bytes: Buffer) => readonly Uint8Array[];
}[] = [
  // IPv4-mapped (RFC 4291 section 2.5.5.2): the kernel itself connects by IPv4.
  { prefix: "::ffff:0:0", bits: 96, isTranslated: false, find: (b) => [b.subarray(12)] },
  // IPv4-compatible, given up (RFC 4291 section 2.5.5.1), and IPv4-translated (RFC 2765 section 2.1).
  { prefix: "::", bits: 96, isTranslated: true, find: (b) => [b.subarray(12)] },
  { prefix: "::ffff:0:0:0", bits: 96, isTranslated: true, find: (b) => [b.subarray(12)] },
  // NAT64 by its well-known prefix (RFC 6052 section 2.1).
  { prefix: "64:ff9b::", bits: 96, isTranslated: true, find: (b) => [b.subarray(12)] },
  // 6to4 (RFC 3056), and Teredo with its server and its client, whose bits are turned (RFC 4380 section 4).
  { prefix: "2002::", bits: 16, isTranslated: true, find: (b) => [b.subarray(2, 6)] },
  {
    prefix: "2001::",
    bits: 32,
    isTranslated: true,
    find: (b) => [b.subarray(4, 8), b.subarray(12).map((byte) => byte ^ 0xff)],
  },
];

const EMBEDDED = EMBEDDINGS.map(({ prefix, bits, isTranslated, find }) => ({
  isTranslated,
  find,
  list: blockList([`${prefix}/${bits}`]),
}));

/**
 * Says what is special about an address, in whatever spelling and form.
 *
 * @param address as a resolver gives it, without brackets
 */
export function judgeAddress(address: string): JudgedAddress {
  const bytes = ipBytes(address);
  if (bytes === undefined) return { kind: "unreadable", isTranslated: false };
  const own = KINDS.find(({ list }) => list.check(address, familyOf(bytes)))?.kind;
  if (own !== undefined) return { kind: own, isTranslated: false };
  for (const inner of ipv4Within(address)) {
    const { kind } = judgeAddress(inner.address);
    if (kind !== undefined) return { kind, isTranslated: inner.isTranslated };
  }
  return { kind: undefined, isTranslated: false };
}

/**
 * The IPv4 addresses that an IPv6 address stands for or leads on to.
 *
 * @param address any address; one that embeds none gives none
 */
export function ipv4Within(
  address: string,
): readonly { readonly address: string; readonly isTranslated: boolean }[] {
  const bytes = ipBytes(address);
  if (bytes?.length !== 16) return [];
  return EMBEDDED.filter(({ list }) => list.check(address, "ipv6")).flatMap((each) =>
    each.find(bytes).map((found) => ({
      address: ipv4Text(found),
      isTranslated: each.isTranslated,
    })),
  );
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits = ""] = network.split("/");
    list.addSubnet(address, Number(bits), address.includes(":") ? "ipv6" : "ipv4");
  }
  return list;
}

function familyOf(bytes: Buffer): "ipv4" | "ipv6" {
  return bytes.length === 4 ? "ipv4" : "ipv6";
}
