import {
  parseHostPort,
  type CryptoChoice,
  type DialOptions,
  type HostPort,
  type Proxy,
  type SecuredSocket,
} from "@tautline/link";
import { compareLevels, TautlineError, type Level } from "@tautline/protocol";

/** Port of central's agents listener where an address names none (QM-4). */
export const AGENTS_PORT = 9150;
/** Port of central's plaintext listener where an address names none (QM-4). */
export const PLAINTEXT_PORT = 8787;

/** What every dial needs beside the address. */
export interface DialLimits {
  readonly timeoutMs: number;
  readonly now: () => number;
  /** The proxy to ask for an address; undefined dials it directly. */
  readonly proxyFor?: (target: HostPort) => Proxy | undefined;
  /** Groups and suites that are offered at the levels of TLS; the default where it is left out. */
  readonly crypto?: CryptoChoice | undefined;
}

/**
 * Reads an address of central and tells by which way it is dialled.
 *
 * @param address "host" or "host:port"
 * @param level decides on the port where the address names none
 * @param limits time, proxy, cryptography
 * @throws link.address_malformed, link.proxy_setting, vault.file_unsafe
 */
export function wayTo(
  address: string,
  level: Level,
  { timeoutMs, now, proxyFor, crypto }: DialLimits,
): Pick<DialOptions, "host" | "port" | "proxy" | "timeoutMs" | "now" | "crypto"> {
  const target = parseHostPort(address, level === "plaintext" ? PLAINTEXT_PORT : AGENTS_PORT);
  return { ...target, proxy: proxyFor?.(target), timeoutMs, now, crypto };
}

/**
 * A dialler promises its level; that it is kept is checked once more where it matters.
 *
 * @param floor the least that counts; from `tls` on central must have proven itself
 * @param address for people
 * @param link closed where it is less
 * @throws agent.below_floor
 */
export function requireLevel(floor: Level, address: string, link: SecuredSocket): SecuredSocket {
  const { level, serverProven } = link.evidence;
  const isProven = serverProven || compareLevels(floor, "tls") < 0;
  if (isProven && compareLevels(level, floor) >= 0) return link;
  link.socket.destroy();
  throw new TautlineError("agent.below_floor", { detail: { address, level, floor } });
}
