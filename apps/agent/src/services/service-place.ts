import { type AddressKind, judgeAddress } from "@tautline/link";
import { type ListenAddress, readListenAddress } from "../forwards/listen-address.ts";

/** Where a service of this host is: a Unix socket, or an address and a port. */
export type ServicePlace = ListenAddress;

/** What speaks against a place: nobody has such an address, or it is one that is not given away by a slip. */
export type ServiceObjection = "never" | "only if meant";

const NEVER: ReadonlySet<AddressKind> = new Set([
  "unreadable",
  "unspecified",
  "multicast",
  "broadcast",
]);

/**
 * Reads where a service is: "127.0.0.1:22", "[::1]:22" or "unix:PATH". A name is none: what it means may change, and then another
 * place would stand open than the one that was listed.
 *
 * @param text from the settings
 * @returns undefined where it is no such place
 */
export function readServicePlace(text: string): ServicePlace | undefined {
  const place = readListenAddress(text);
  return place?.kind === "tcp" && place.port === 0 ? undefined : place;
}

/**
 * Says what speaks against a place (DESIGN promise 9): this host's own loopback and sockets, and other hosts' ordinary addresses, are
 * listed by being written; link-local addresses and a cloud's metadata service have to be meant.
 *
 * @param place as it is listed
 */
export function objectionTo(place: ServicePlace): ServiceObjection | undefined {
  if (place.kind === "unix") return undefined;
  const { kind, isTranslated } = judgeAddress(place.host);
  if (kind === undefined || (kind === "loopback" && !isTranslated)) return undefined;
  return NEVER.has(kind) ? "never" : "only if meant";
}
