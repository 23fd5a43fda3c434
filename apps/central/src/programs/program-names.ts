import { isIP } from "node:net";
import {
  agentHost,
  type CertifiedName,
  isAgentId,
  LIMITS,
  parseCertifiedName,
  TautlineError,
} from "@tautline/protocol";
import type { CertifiedNames } from "../authority/own-names.ts";

/** Whose names are never a program's. */
export interface TakenNames {
  /** Names and addresses of central's own certificate. */
  readonly central: CertifiedNames;
  readonly trustDomain: string;
  readonly namespaces: readonly string[];
}

/**
 * Refuses names that no program may have: those of central and of agents, and addresses that are no host's. What loopback is called
 * is every host's own, and may be certified: central is known by its SPIFFE ID there as anywhere.
 *
 * @param texts 1 to 32 names, each once
 * @param taken whose names are never a program's
 * @returns the names as they were read
 * @throws value.certified_name, certificate.name_taken, api.invalid
 */
export function requireProgramNames(
  texts: readonly string[],
  taken: TakenNames,
): readonly CertifiedName[] {
  const limit = LIMITS.certifiedNames.value;
  if (texts.length === 0 || texts.length > limit || new Set(texts).size !== texts.length) {
    throw new TautlineError("pki.issue_refused", {
      detail: { reason: `1 to ${limit} names are wanted, each once` },
    });
  }
  return texts.map((text) => {
    const name = parseCertifiedName(text);
    const reason = whyTaken(name, taken);
    if (reason === undefined) return name;
    throw new TautlineError("certificate.name_taken", { detail: { name: text, reason } });
  });
}

/**
 * Refuses names that stand for many hosts, where that was not asked for.
 *
 * @param names as they were read
 * @throws certificate.wildcard_unasked
 */
export function refuseWildcards(names: readonly CertifiedName[]): void {
  const many = names.find(({ kind }) => kind === "wildcard");
  if (many === undefined) return;
  throw new TautlineError("certificate.wildcard_unasked", { detail: { name: many.text } });
}

function whyTaken({ kind, text }: CertifiedName, taken: TakenNames): string | undefined {
  if (kind === "ip") return whyAddressTaken(text, taken);
  const { central, trustDomain, namespaces } = taken;
  const hosts = [trustDomain, ...namespaces.map((each) => agentHost(each, trustDomain))];
  if (hosts.some((host) => covers(text, host))) return "it is a name in SPIFFE IDs of this central";
  if (text.split(".").some((label) => isAgentId(label))) return "an agent's id is in it";
  const own = central.dnsNames.find((each) => each !== "localhost" && covers(text, each));
  return own === undefined ? undefined : `central's own certificate has the name ${own}`;
}

function whyAddressTaken(text: string, { central }: TakenNames): string | undefined {
  if (text === "0.0.0.0" || text === "::") return "it is the address of no host";
  if (isIP(text) === 4 ? text.startsWith("127.") : text === "::1") return undefined;
  const isOwn = central.ipAddresses.includes(text);
  return isOwn ? "central's own certificate has this address" : undefined;
}

/** A wildcard stands for the first label alone (RFC 6125 section 6.4.3). */
function covers(name: string, host: string): boolean {
  if (!name.startsWith("*.")) return name === host;
  return host.slice(host.indexOf(".")) === name.slice(1);
}
