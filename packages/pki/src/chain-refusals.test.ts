import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { OctetString } from "@peculiar/asn1-schema";
import {
  anyExtendedKeyUsage,
  ExtendedKeyUsage,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  KeyUsage,
  KeyUsageFlags,
} from "@peculiar/asn1-x509";
import type { Authority } from "./authority.ts";
import { verifyChain, type VerifyChainOptions } from "./chain.ts";
import { writeExtension } from "./extension-writer.ts";
import {
  AGENT_ID,
  AGENT_SPIFFE_ID,
  agentProfile,
  CENTRAL_SPIFFE_ID,
  centralProfile,
  createFleet,
  hoursLater,
  issueLeaf,
  TRUST_DOMAIN,
} from "./fixture-fleet.test.ts";
import { forge, forgeRoot, type ForgeryOptions } from "./fixture-forgery.test.ts";
import { askOpenssl } from "./fixture-openssl.test.ts";

const fleet = createFleet();
const { agents, otherAgents, services, root } = fleet;
const client = issueLeaf(agents, agentProfile("agent-client"));
const anyHost = { pathLength: 0, urisOnly: false };

interface Case {
  readonly what: string;
  readonly leaf?: X509Certificate;
  readonly issuers?: readonly Authority[];
  readonly question?: Partial<VerifyChainOptions>;
  /** What we say. */
  readonly code: string;
  /** What openssl says: part of its reason, or "accepted" where it is more lenient, or undefined where it was not asked the same. */
  readonly openssl?: string;
}

function forged(options: ForgeryOptions): X509Certificate {
  return forge(options).certificate;
}

/** A leaf under an authority, itself under further ones. */
function below(issuer: Authority, options: Partial<ForgeryOptions> = {}): X509Certificate {
  return forged({ issuer, ...options });
}

const server = { purpose: "server" } as const;

const NAMES: readonly Case[] = [
  {
    what: "A6: namespace other's authority signs an agent of namespace default",
    leaf: below(otherAgents),
    issuers: [otherAgents],
    code: "pki.chain_name_not_permitted",
    openssl: "permitted subtree violation",
  },
  {
    what: "an agents authority signs an agent of a host below its own",
    leaf: below(agents, { leaf: { uri: `spiffe://x.default.${TRUST_DOMAIN}/agent/${AGENT_ID}` } }),
    code: "pki.chain_name_not_permitted",
    openssl: "permitted subtree violation",
  },
  {
    what: "A16: an agents authority signs central's name",
    leaf: below(agents, { leaf: { ...server, uri: CENTRAL_SPIFFE_ID } }),
    question: server,
    code: "pki.chain_name_not_permitted",
    openssl: "permitted subtree violation",
  },
  {
    what: "the services authority signs an agent's name",
    leaf: below(services),
    issuers: [services],
    code: "pki.chain_name_not_permitted",
    openssl: "permitted subtree violation",
  },
  {
    what: "an agents authority signs a DNS name",
    leaf: below(agents, { leaf: { ...server, dnsNames: ["central.example.org"] } }),
    question: server,
    code: "pki.chain_name_not_permitted",
    openssl: "excluded subtree violation",
  },
  ...["192.0.2.1", "2001:db8::1"].map((address) => ({
    what: `an agents authority signs the address ${address}`,
    leaf: below(agents, { leaf: { ...server, ipAddresses: [address] } }),
    question: server,
    code: "pki.chain_name_not_permitted",
    openssl: "excluded subtree violation",
  })),
  {
    what: "an authority below a limited one, itself without limits, signs beyond them",
    ...belowLimits(),
    code: "pki.chain_name_not_permitted",
    openssl: "permitted subtree violation",
  },
  {
    what: "a host name in the common name only",
    leaf: below(services, {
      commonName: "central.example.org",
      leaf: { ...server, uri: CENTRAL_SPIFFE_ID },
    }),
    issuers: [services],
    question: { ...server, expect: { dnsName: "central.example.org" } },
    code: "pki.chain_wrong_name",
    openssl: "accepted",
  },
  {
    what: "no subject alternative name where an agent is expected",
    leaf: below(agents, { without: [id_ce_subjectAltName] }),
    question: { expect: { kind: "agent" } },
    code: "pki.chain_wrong_name",
    openssl: "accepted",
  },
];

function belowLimits(): Pick<Case, "leaf" | "issuers" | "question"> {
  const wide = forgeRoot(root);
  const uriHost = `other.${TRUST_DOMAIN}`;
  const limited = forge({ issuer: wide, authority: { pathLength: 1, urisOnly: true, uriHost } });
  const sub = forge({ issuer: limited, authority: anyHost, commonName: "Sub" });
  const roots = [wide.certificate];
  return { leaf: below(sub), issuers: [sub, limited], question: { roots } };
}

/** An authority under an authority that may have none. */
function subAuthority(issuer: Authority): Pick<Case, "leaf" | "issuers"> {
  const sub = forge({ issuer, authority: anyHost });
  return { leaf: below(sub), issuers: [sub, issuer] };
}

const USES: readonly Case[] = [
  {
    what: "A16: an agent's client leaf as a server",
    leaf: client,
    question: server,
    code: "pki.chain_wrong_purpose",
    openssl: "unsuitable certificate purpose",
  },
  {
    what: "an agent's server leaf as a client",
    leaf: issueLeaf(agents, agentProfile("agent-server")),
    code: "pki.chain_wrong_purpose",
    openssl: "unsuitable certificate purpose",
  },
  {
    what: "A6: central's leaf as a client",
    leaf: issueLeaf(services, centralProfile()),
    issuers: [services],
    code: "pki.chain_wrong_purpose",
    openssl: "unsuitable certificate purpose",
  },
  {
    what: "a leaf without extended key usage",
    leaf: below(agents, { without: [id_ce_extKeyUsage] }),
    code: "pki.chain_wrong_purpose",
    openssl: "accepted",
  },
  {
    what: "a leaf whose only extended key usage is 'any'",
    leaf: below(agents, {
      without: [id_ce_extKeyUsage],
      extra: [writeExtension(id_ce_extKeyUsage, new ExtendedKeyUsage([anyExtendedKeyUsage]))],
    }),
    code: "pki.chain_wrong_purpose",
    openssl: "unsuitable certificate purpose",
  },
  {
    what: "a leaf whose key usage is only to encipher",
    leaf: below(agents, {
      without: [id_ce_keyUsage],
      extra: [writeExtension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyEncipherment), true)],
    }),
    code: "pki.chain_wrong_purpose",
    openssl: "unsuitable certificate purpose",
  },
  {
    what: "an authority's own certificate as a leaf",
    leaf: agents.certificate,
    issuers: [],
    code: "pki.chain_wrong_purpose",
    openssl: "unsuitable certificate purpose",
  },
  {
    what: "a leaf that signs a leaf (CA:FALSE)",
    ...underLeaf(),
    code: "pki.chain_not_a_ca",
    openssl: "invalid CA certificate",
  },
  {
    what: "an authority without basic constraints",
    ...underAuthority({ without: [id_ce_basicConstraints] }),
    code: "pki.chain_not_a_ca",
    openssl: "invalid CA certificate",
  },
  {
    what: "an authority whose key usage lacks signing certificates",
    ...underAuthority({
      without: [id_ce_keyUsage],
      extra: [writeExtension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.cRLSign), true)],
    }),
    code: "pki.chain_not_a_ca",
    openssl: "invalid CA certificate",
  },
  {
    what: "an authority without key usage",
    ...underAuthority({ without: [id_ce_keyUsage] }),
    code: "pki.chain_not_a_ca",
    openssl: "Path length given without key usage keyCertSign",
  },
  {
    what: "an authority below one of path length 0",
    ...subAuthority(agents),
    code: "pki.chain_path_too_long",
    openssl: "path length constraint exceeded",
  },
  {
    what: "a critical extension that nobody knows",
    leaf: below(agents, {
      extra: [writeExtension("1.3.6.1.4.1.99999.1", new OctetString(1), true)],
    }),
    code: "pki.chain_unknown_critical_extension",
    openssl: "unhandled critical extension",
  },
];

function underLeaf(): Pick<Case, "leaf" | "issuers"> {
  const leaf = forge({ issuer: agents });
  return { leaf: below(leaf), issuers: [leaf, agents] };
}

function underAuthority(options: Partial<ForgeryOptions>): Pick<Case, "leaf" | "issuers"> {
  const authority = forge({ issuer: root, authority: anyHost, ...options });
  return { leaf: below(authority), issuers: [authority] };
}

const TRUST: readonly Case[] = [
  {
    what: "expired",
    question: { at: hoursLater(48) },
    code: "pki.chain_expired",
    openssl: "certificate has expired",
  },
  {
    what: "not yet valid",
    leaf: below(agents, { notBefore: hoursLater(2) }),
    code: "pki.chain_not_yet_valid",
    openssl: "certificate is not yet valid",
  },
  {
    what: "another central's root",
    question: { roots: [createFleet().root.certificate] },
    code: "pki.chain_untrusted",
    openssl: "unable to get local issuer certificate",
  },
  {
    what: "the intermediate is missing",
    issuers: [],
    code: "pki.chain_untrusted",
    openssl: "unable to get local issuer certificate",
  },
  {
    what: "no roots at all",
    question: { roots: [] },
    code: "pki.chain_untrusted",
  },
  {
    what: "A6: another central's agent under an authority of the same name",
    ...impostor(),
    code: "pki.chain_bad_signature",
    openssl: "unable to get local issuer certificate",
  },
];

/** The honest authority stands in the chain, but another key of that name signed the leaf. */
function impostor(): Pick<Case, "leaf" | "issuers"> {
  const honest = forge({ issuer: root, authority: anyHost, commonName: "Same" });
  const other = forge({ issuer: root, authority: anyHost, commonName: "Same" });
  const leaf = forged({
    issuer: { certificate: honest.certificate, privateKey: other.privateKey },
  });
  return { leaf, issuers: [honest] };
}

for (const { what, leaf = client, issuers = [agents], question = {}, ...expected } of [
  ...NAMES,
  ...USES,
  ...TRUST,
]) {
  test(`refused: ${what} (${expected.code})`, async () => {
    const options = {
      leaf,
      intermediates: issuers.map((each) => each.certificate),
      roots: [root.certificate],
      at: hoursLater(1),
      purpose: "client",
      ...question,
    } as const;
    const verdict = verifyChain(options);
    assert.equal(verdict.ok ? "accepted" : verdict.error.code, expected.code);
    if (expected.openssl === undefined) return;
    const answer = await askOpenssl(options);
    assert.ok(answer.includes(expected.openssl), `openssl: ${answer}`);
  });
}

test("the honest chains of the same fleet are accepted by openssl -x509_strict and by us", async () => {
  const agentServer = issueLeaf(agents, agentProfile("agent-server"));
  const central = issueLeaf(services, centralProfile());
  const chains = [
    { leaf: client, issuer: agents, purpose: "client" },
    { leaf: agentServer, issuer: agents, purpose: "server" },
    { leaf: central, issuer: services, purpose: "server" },
  ] as const;
  for (const { leaf, issuer, purpose } of chains) {
    const options = {
      leaf,
      intermediates: [issuer.certificate],
      roots: [root.certificate],
      at: hoursLater(1),
      purpose,
    };
    assert.equal(verifyChain(options).ok, true);
    assert.equal(await askOpenssl(options), "accepted");
  }
});

test("a refusal names the certificate and the offending name", () => {
  const verdict = verifyChain({
    leaf: below(otherAgents),
    intermediates: [otherAgents.certificate],
    roots: [root.certificate],
    at: hoursLater(1),
    purpose: "client",
  });
  assert.ok(!verdict.ok);
  assert.ok(verdict.error.message.includes(AGENT_SPIFFE_ID));
  assert.match(verdict.error.message, /Agents of other/);
});
