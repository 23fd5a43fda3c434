import {
  agentHost,
  formatSpiffeId,
  parseNamespace,
  parseTrustDomain,
  TautlineError,
} from "@tautline/protocol";
import type { AgentProfile, CentralProfile, CertificateProfile } from "./profile.ts";

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
  readonly purpose: "client" | "server";
  readonly uri: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** A profile written out: everything in the certificate except key, serial, validity and issuer. */
export interface ProfileShape {
  /** For people; never a DNS name, because OpenSSL holds a dotted common name against DNS constraints. */
  readonly commonName: string;
  /** Of authorities: the trust domain. A leaf needs none, its names say it. */
  readonly organisation?: string;
  readonly authority?: AuthorityShape;
  readonly leaf?: LeafShape;
}

/** A DNS name in lower case whose last label has a letter; no wildcards: central knows its names. */
const DNS_NAME =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_DNS_NAME_CHARACTERS = 253;

/**
 * Writes a profile out.
 *
 * @param profile its names must be of their canonical forms
 * @param keyLabel a short hex label of the authority's key, which tells authorities of one name apart
 * @throws value.trust_domain, value.namespace, value.spiffe_id, pki.issue_refused
 */
export function describeProfile(profile: CertificateProfile, keyLabel: string): ProfileShape {
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
  const odd = profile.dnsNames.find(
    (each) => each.length > MAX_DNS_NAME_CHARACTERS || !DNS_NAME.test(each),
  );
  if (odd !== undefined) {
    throw new TautlineError("pki.issue_refused", {
      detail: { reason: `'${odd}' is not a DNS name in lower case` },
    });
  }
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
