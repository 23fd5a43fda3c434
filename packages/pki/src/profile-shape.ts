import {
  agentHost,
  type CertificateUse,
  formatSpiffeId,
  parseNamespace,
  parseTrustDomain,
  readCertifiedName,
  TautlineError,
} from "@tautline/protocol";
import type {
  AgentProfile,
  CentralProfile,
  CertificateProfile,
  ProgramProfile,
} from "./profile.ts";

/** An authority's part of a shape. */
export interface AuthorityShape {
  /** How many authorities may stand below it. */
  readonly pathLength: number;
  /** The one host whose URIs it may certify; undefined for the root. */
  readonly uriHost?: string;
  /** Whether it may certify no DNS name and no IP address at all. */
  readonly urisOnly: boolean;
}

/** A leaf's part of a shape. */
export interface LeafShape {
  readonly purpose: CertificateUse;
  /** The SPIFFE ID; a program of others has none. */
  readonly uri?: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** A profile written out: everything in the certificate except key, serial, validity and issuer. */
export interface ProfileShape {
  /** For people; of authorities and of our own leaves never a DNS name, because OpenSSL holds a dotted common name against DNS constraints. */
  readonly commonName?: string;
  /** Of authorities: the trust domain. A leaf needs none, its names say it. */
  readonly organisation?: string;
  readonly authority?: AuthorityShape;
  readonly leaf?: LeafShape;
}

/** ub-common-name of RFC 5280 appendix A. */
const MAX_COMMON_NAME = 64;

/**
 * Writes a profile out.
 *
 * @param profile its names must be of their canonical forms
 * @param keyLabel a short hex label of the authority's key, which tells authorities of one name apart
 * @throws value.trust_domain, value.namespace, value.spiffe_id, pki.issue_refused
 */
export function describeProfile(profile: CertificateProfile, keyLabel: string): ProfileShape {
  if (profile.kind === "program") return describeProgram(profile);
  const organisation = parseTrustDomain(profile.trustDomain);
  switch (profile.kind) {
    case "root":
      return {
        organisation,
        commonName: `Tautline root ${keyLabel}`,
        authority: { pathLength: 1, urisOnly: false },
      };
    case "agents-intermediate": {
      const namespace = parseNamespace(profile.namespace);
      const uriHost = agentHost(namespace, profile.trustDomain);
      return {
        organisation,
        commonName: `Agents of ${namespace} ${keyLabel}`,
        authority: { pathLength: 0, uriHost, urisOnly: true },
      };
    }
    case "services-intermediate":
      return {
        organisation,
        commonName: `Tautline services ${keyLabel}`,
        authority: { pathLength: 0, uriHost: profile.trustDomain, urisOnly: false },
      };
    case "agent-client":
    case "agent-server":
      return describeAgent(profile);
    case "central":
      break;
  }
  return describeCentral(profile);
}

function describeAgent(profile: AgentProfile): ProfileShape {
  const { trustDomain, namespace, agentId } = profile;
  const purpose = profile.kind === "agent-client" ? "client" : "server";
  return {
    commonName: `Agent ${agentId} ${purpose}`,
    leaf: {
      purpose,
      uri: formatSpiffeId({ kind: "agent", trustDomain, namespace, agentId }),
      dnsNames: [],
      ipAddresses: [],
    },
  };
}

function describeCentral(profile: CentralProfile): ProfileShape {
  // No wildcards: central knows its names.
  const odd = profile.dnsNames.find((each) => readCertifiedName(each)?.kind !== "dns");
  if (odd !== undefined) throw refused(`'${odd}' is not a DNS name in lower case`);
  return {
    commonName: "Tautline central",
    leaf: {
      purpose: "server",
      uri: formatSpiffeId({ kind: "central", trustDomain: profile.trustDomain }),
      dnsNames: profile.dnsNames,
      ipAddresses: profile.ipAddresses,
    },
  };
}

function describeProgram({ use, names }: ProgramProfile): ProfileShape {
  const [commonName] = names;
  if (commonName === undefined) throw refused("a program's certificate has a name");
  const read = names.map((text) => {
    const name = readCertifiedName(text);
    if (name === undefined) throw refused(`'${text}' is neither a DNS name nor an address`);
    return name;
  });
  const textsOf = (isAddress: boolean): string[] =>
    read.filter(({ kind }) => (kind === "ip") === isAddress).map(({ text }) => text);
  return {
    // Cut, it would be another name.
    ...(commonName.length <= MAX_COMMON_NAME && { commonName }),
    leaf: { purpose: use, dnsNames: textsOf(false), ipAddresses: textsOf(true) },
  };
}

function refused(reason: string): TautlineError {
  return new TautlineError("pki.issue_refused", { detail: { reason } });
}
