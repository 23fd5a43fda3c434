import { isIP } from "node:net";
import { type AddressKind, ipBytes, ipv4Within, judgeAddress } from "@tautline/link";
import { isHostPort, TautlineError } from "@tautline/protocol";
import type { OwnPlaces } from "./own-places.ts";

/** Where a forward goes, as an operator wrote it. */
export interface ForwardTarget {
  /** A DNS name, or an IPv4 or IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The host is an address: what is written is what is meant. */
  readonly isAddress: boolean;
}

/** A target, and how far its allowance goes. */
export interface AllowedTarget extends ForwardTarget {
  /** A name may lead to a loopback address of central's host. */
  readonly alsoLocal: boolean;
}

/** Why central does not connect to an address. */
export type ForbiddenKind = AddressKind | "central";

/** No TCP server has such an address; that one was named is a mistake. */
const NEVER: ReadonlySet<ForbiddenKind> = new Set([
  "unreadable",
  "unspecified",
  "multicast",
  "broadcast",
]);

const REASONS: Readonly<Record<ForbiddenKind, string>> = {
  unreadable: "an address that cannot be read",
  unspecified: "an unspecified address",
  multicast: "a multicast address",
  broadcast: "a broadcast address",
  loopback: "a loopback address of central's host",
  "link-local": "a link-local address",
  metadata: "an address of a cloud's metadata service",
  translator: "an address of a network's own translator to IPv4",
  central: "a port of central itself",
};

/**
 * Reads a target; refuses and never normalises.
 *
 * @param text "host:port" with a DNS name, an IPv4 address, or an IPv6 address in brackets
 * @throws value.forward_target
 */
export function parseForwardTarget(text: string): ForwardTarget {
  if (!isHostPort(text)) throw new TautlineError("value.forward_target", { detail: { text } });
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host, port: Number(text.slice(colon + 1)), isAddress: isIP(host) !== 0 };
}

/**
 * Says why central does not connect to an address for a target (DESIGN promise 9).
 *
 * Loopback is for allowances that name the very address; link-local and metadata addresses and central's own ports besides ask for
 * `alsoLocal`, so that nobody opens them by a slip. A name that is allowed `alsoLocal` may lead to loopback, and to none of the others.
 *
 * @param target as it is allowed
 * @param address one that the target's host was resolved to; the host itself where that is an address
 * @param own where central listens
 * @returns undefined where it may be connected to
 */
export function forbiddenKind(
  target: AllowedTarget,
  address: string,
  own: OwnPlaces,
): ForbiddenKind | undefined {
  const { kind, isTranslated } = judgeAddress(address);
  if (kind !== undefined && NEVER.has(kind)) return kind;
  if (target.isAddress && isSameAddress(target.host, address)) {
    if (target.alsoLocal) return undefined;
    if (isOwnPort(target.port, address, own)) return "central";
    return kind === "loopback" ? undefined : kind;
  }
  if (isOwnPort(target.port, address, own)) return "central";
  const isLocal = kind === "loopback" && !isTranslated;
  return isLocal && target.alsoLocal ? undefined : kind;
}

/**
 * Parts the addresses of a target into those that may be connected to, in their order, and those that may not.
 *
 * @param name of the forward, for the message
 * @param target as it is allowed
 * @param addresses all that its host was resolved to
 * @param own where central listens
 * @returns at least one
 * @throws forward.target_forbidden where none is left; `addresses` of its detail is for central's log alone
 */
export function permittedAddresses(
  name: string,
  target: AllowedTarget,
  addresses: readonly string[],
  own: OwnPlaces,
): readonly string[] {
  const judged = addresses.map((address) => ({
    address,
    kind: forbiddenKind(target, address, own),
  }));
  const permitted = judged.flatMap(({ address, kind }) => (kind === undefined ? [address] : []));
  if (permitted.length > 0) return permitted;
  const kinds = new Set(judged.flatMap(({ kind }) => (kind === undefined ? [] : [REASONS[kind]])));
  const reason = `its target is at ${[...kinds].join(" and ") || "no address"}`;
  const detail = { name, reason, addresses: addresses.join(", ") };
  throw new TautlineError("forward.target_forbidden", { detail });
}

/** However it is spelled, mapped and translated forms included: what listens on one address often listens on all. */
function isOwnPort(port: number, address: string, own: OwnPlaces): boolean {
  if (!own.ports().includes(port)) return false;
  const forms = [address, ...ipv4Within(address).map((inner) => inner.address)];
  if (forms.some((form) => judgeAddress(form).kind === "loopback")) return true;
  const addresses = own.addresses();
  return forms.some((form) => addresses.some((each) => isSameAddress(each, form)));
}

/** A zone of one of this host's own addresses says at which interface it is, and does not count. */
function isSameAddress(one: string, other: string): boolean {
  const [left, right] = [one, other].map((text) => ipBytes(text.replace(/%.*$/, "")));
  return left !== undefined && right !== undefined && left.equals(right);
}
