import { isIPv4, isIPv6, SocketAddress } from "node:net";
import { posix } from "node:path";

/** Where programs of this host reach a forward. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

const UNIX = "unix:";
/** Longer paths fit into no socket address; the exact limit of this host is checked where the socket is made. */
const LONGEST_TEXT = 300;

/**
 * Reads where a forward listens: "127.0.0.1:5432", "[::1]:5432" or "unix:PATH". A name is none: what it means may change, and then
 * a forward would stand open where nobody meant it to. Port 0 takes any free one.
 *
 * @param text from the settings
 * @returns undefined where it is no such address; IPv6 and paths in their shortest form
 */
export function readListenAddress(text: string): ListenAddress | undefined {
  if (text.length > LONGEST_TEXT || text.includes("\0")) return undefined;
  if (text.startsWith(UNIX)) return unixAddress(text.slice(UNIX.length));
  const [, v6, v4, digits = ""] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(0|[1-9][0-9]{0,4})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === "" || port > 65_535) return undefined;
  if (v6 !== undefined && isIPv6(v6)) return { kind: "tcp", host: shortest(v6), port };
  return v4 !== undefined && isIPv4(v4) ? { kind: "tcp", host: v4, port } : undefined;
}

/**
 * Tells whether only this host's own programs can reach an address.
 *
 * @param address where a forward listens
 */
export function isLocal(address: ListenAddress): boolean {
  if (address.kind === "unix") return true;
  return address.host === "::1" || address.host.startsWith("127.");
}

/**
 * Writes an address so that `readListenAddress` reads it back.
 *
 * @param address where a forward listens
 */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `${UNIX}${address.path}`;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

function unixAddress(path: string): ListenAddress | undefined {
  const short = posix.normalize(path);
  const isFile = path !== "" && !path.endsWith("/") && !/(?:^|\/)\.\.?$/.test(short);
  return isFile ? { kind: "unix", path: short } : undefined;
}

function shortest(address: string): string {
  return new SocketAddress({ family: "ipv6", address }).address;
}

/** What a settings file says of a place to listen at. */
export interface ListenWish {
  readonly address: ListenAddress;
  /** Others than this host's own programs may reach it. */
  readonly open: boolean;
  readonly mode?: string | undefined;
}

/**
 * Names what does not fit together in a place to listen at.
 *
 * @param wish as the settings file says it
 * @returns each mistake with the key it is at; empty where there is none
 */
export function listenMistakes({
  address,
  open,
  mode,
}: ListenWish): readonly { readonly key: "listen" | "mode"; readonly message: string }[] {
  const isOpened = isLocal(address) || open;
  const message =
    "is not loopback, so others than this host's own programs reach it; if that is meant, say `open: true`";
  const isModeOfNothing = address.kind !== "unix" && mode !== undefined;
  return [
    ...(isOpened ? [] : [{ key: "listen", message } as const]),
    ...(isModeOfNothing
      ? [{ key: "mode", message: "is for Unix sockets, and `listen` is none" } as const]
      : []),
  ];
}
