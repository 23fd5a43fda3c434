import { BlockList, isIP } from "node:net";
import type { HostPort } from "./addresses.ts";

/** Which addresses are dialled directly although there is a proxy. */
export interface DirectRules {
  /** Tells whether one address is. */
  readonly matches: (target: HostPort) => boolean;
  /** Entries that are no rule, as they were written. */
  readonly unreadable: readonly string[];
}

interface Rule {
  readonly port: number | undefined;
  readonly matchesHost: (host: string) => boolean;
}

/**
 * Reads exceptions from a proxy in the form of NO_PROXY, which no standard describes; by these rules, letters in either case:
 *
 * `*` is every address · `192.0.2.1` or `[2001:db8::1]` that address · `192.0.2.0/24` or `2001:db8::/32` every address in it ·
 * `example.org` that name and every name below it · `.example.org` or `*.example.org` only names below it · any of them but `*` with
 * `:port` behind, that port alone. Names are not looked up: a network matches only an address that is dialled as an address.
 *
 * @param entries one rule each; blanks around it are dropped, empty ones passed over
 */
export function readDirectRules(entries: readonly string[]): DirectRules {
  const rules: Rule[] = [];
  const unreadable: string[] = [];
  for (const entry of entries.map((text) => text.trim()).filter(Boolean)) {
    const rule = readRule(entry.toLowerCase());
    if (rule === undefined) unreadable.push(entry);
    else rules.push(rule);
  }
  return {
    unreadable,
    matches: ({ host, port }) => {
      const wanted = host.toLowerCase().replace(/\.$/, "");
      return rules.some(
        (rule) => (rule.port === undefined || rule.port === port) && rule.matchesHost(wanted),
      );
    },
  };
}

function readRule(entry: string): Rule | undefined {
  if (entry === "*") return { port: undefined, matchesHost: () => true };
  const network = readNetwork(entry);
  if (network !== undefined) return { port: undefined, matchesHost: network };
  // A bare IPv6 address has colons of its own; with a port it stands in brackets.
  const [, bracketed, plain, digits] = WITH_PORT.exec(entry) ?? [];
  const host = isIP(entry) === 6 ? entry : (bracketed ?? plain);
  const port = isIP(entry) === 6 || digits === undefined ? undefined : Number(digits);
  if (host === undefined || port === 0 || (port ?? 0) > 65_535) return undefined;
  const matchesHost = readHost(host, bracketed !== undefined);
  return matchesHost && { port, matchesHost };
}

const WITH_PORT = /^(?:\[([0-9a-f:.]{2,45})\]|([^:[\]/]{1,255}))(?::([0-9]{1,5}))?$/;
const NETWORK = /^\[?([0-9a-f:.]{2,45})\]?\/([0-9]{1,3})$/;
const NAME = /^(?:\*?\.)?[a-z0-9_](?:[a-z0-9_-]*)(?:\.[a-z0-9_][a-z0-9_-]*)*\.?$/;

function readNetwork(entry: string): Rule["matchesHost"] | undefined {
  const [, address = "", bits = ""] = NETWORK.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family === 4 ? "ipv4" : "ipv6");
  return (host) => isListed(list, host);
}

function readHost(host: string, isBracketed: boolean): Rule["matchesHost"] | undefined {
  const family = isIP(host);
  if (isBracketed !== (family === 6 && isBracketed)) return undefined;
  if (family !== 0) {
    const list = new BlockList();
    list.addAddress(host, family === 4 ? "ipv4" : "ipv6");
    return (wanted) => isListed(list, wanted);
  }
  // Digits and dots that are no address would be a name nobody has.
  if (!NAME.test(host) || /^[0-9.]+$/.test(host)) return undefined;
  const name = host.replace(/\.$/, "");
  if (!/^\*?\./.test(name)) return (wanted) => wanted === name || wanted.endsWith(`.${name}`);
  const suffix = name.replace(/^\*/, "");
  return (wanted) => wanted.endsWith(suffix) && wanted.length > suffix.length;
}

function isListed(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 4 ? "ipv4" : "ipv6");
}
