import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { formatHostPort, type HostPort, parseHostPort } from "@tautline/link";
import { isHostPort, LIMITS } from "@tautline/protocol";

/** What this host says of itself. */
export interface HostFacts {
  readonly hostname: string;
  readonly addresses: readonly { readonly address: string; readonly internal: boolean }[];
}

/** Names and addresses for a certificate. */
export interface CertifiedNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** Asks the operating system; the answer changes when interfaces come and go. */
export function readHostFacts(): HostFacts {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return { hostname: hostname(), addresses };
}

/**
 * Every name and address under which central may be dialled, for its certificate. A host's own name that is no DNS name is left
 * out: agents know central by its SPIFFE ID, so it is missed by nobody.
 *
 * @param facts of this host
 * @param advertised what the settings add, each with or without a port
 */
export function certifiedNames(facts: HostFacts, advertised: readonly string[]): CertifiedNames {
  const added = advertised.map((text) => parseHostPort(text, 1).host.toLowerCase());
  const own = facts.addresses.map((each) => each.address).filter(isDialable);
  const name = facts.hostname.toLowerCase();
  const names = isHostPort(`${name}:1`) ? [name] : [];
  const all = [...new Set(["localhost", ...names, "127.0.0.1", "::1", ...own, ...added])];
  return {
    dnsNames: all.filter((each) => isIP(each) === 0),
    ipAddresses: all.filter((each) => isIP(each) !== 0),
  };
}

/** What `dialledAddresses` chooses from. */
export interface AddressChoice {
  readonly facts: HostFacts;
  /** Where the agents' port listens. */
  readonly bound: HostPort;
  /** What the settings say, each with or without a port; empty takes this host's own. */
  readonly advertised: readonly string[];
}

/**
 * The addresses that join tokens tell agents to dial: those of the settings, else the one central listens on, else this host's
 * own, those seen from outside first.
 *
 * @returns `host:port` each, IPv6 in brackets; as many as a token holds
 */
export function dialledAddresses({ facts, bound, advertised }: AddressChoice): string[] {
  const chosen =
    advertised.length > 0
      ? advertised.map((text) => parseHostPort(text, bound.port))
      : ownHosts(facts, bound.host).map((host) => ({ host, port: bound.port }));
  const texts = chosen.map(({ host, port }) => formatHostPort(host, port));
  return [...new Set(texts)].slice(0, LIMITS.addresses.value);
}

function ownHosts(facts: HostFacts, boundHost: string): string[] {
  if (boundHost !== "::" && boundHost !== "0.0.0.0") return [boundHost];
  const outside = facts.addresses
    .filter(({ address, internal }) => !internal && isDialable(address))
    .map(({ address }) => address)
    .filter((address) => boundHost === "::" || isIP(address) === 4);
  return [...outside, "127.0.0.1"];
}

/** Link-local addresses mean nothing on another host, IPv4 in IPv6 form is another spelling of what is listed already. */
function isDialable(address: string): boolean {
  return !/^(?:fe[89ab][0-9a-f]:|169\.254\.|::ffff:)/i.test(address);
}
