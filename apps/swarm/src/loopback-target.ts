import { isIPv4 } from "node:net";
import { formatHostPort, parseHostPort, type HostPort } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";

/** Port of central's agents listener where the target names none (QM-4). */
const AGENTS_PORT = 9150;

/** Where a swarm goes. */
export interface LoopbackTarget extends HostPort {
  /** "host:port", as it is dialled. */
  readonly address: string;
}

/**
 * Reads the target of a swarm, a URL or "host:port", and refuses every one that is not this very host. Only written addresses
 * count: a name is never looked up, so no name server can lead a swarm elsewhere (DESIGN section 6, promise 9).
 *
 * @param text such as "127.0.0.1:9150", "localhost" or "wss://[::1]:9150/v1/opamp"
 * @throws swarm.not_loopback, link.address_malformed
 */
export function parseLoopbackTarget(text: string): LoopbackTarget {
  const { host, port } = parseHostPort(withoutScheme(text), AGENTS_PORT);
  const literal = host.toLowerCase() === "localhost" ? "127.0.0.1" : host;
  if (literal !== "::1" && !(isIPv4(literal) && literal.startsWith("127."))) {
    throw new TautlineError("swarm.not_loopback", { detail: { target: text } });
  }
  return { host: literal, port, address: formatHostPort(literal, port) };
}

function withoutScheme(text: string): string {
  const [, authority] = /^(?:wss|https):\/\/([^/?#@]+)(?:\/v1\/opamp)?\/?$/.exec(text) ?? [];
  return authority ?? text;
}
