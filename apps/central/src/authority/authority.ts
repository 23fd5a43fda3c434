import { randomBytes, type KeyObject, type X509Certificate } from "node:crypto";
import { createAgentsIntermediate, createSerial, issueCertificate, serialOf } from "@tautline/pki";
import { formatSpiffeId, TautlineError } from "@tautline/protocol";
import type { Writer } from "../store/store.ts";
import type { AuthorityDeps } from "./authority-deps.ts";
import {
  AUTHORITY_BACKDATE_MS,
  createRootAndServices,
  loadAuthorities,
  storeAuthority,
  type StoredAuthority,
} from "./authority-store.ts";
import type { IssuedCertificate } from "./certificate-store.ts";
import { leafValidity } from "./leaf-validity.ts";

/** Which leaf of an agent to issue: everything in it comes from central's record but the public key (A12). */
export interface AgentLeafOrder {
  readonly namespace: string;
  readonly agentId: string;
  readonly purpose: "client" | "server";
  readonly publicKey: KeyObject;
}

/** Which leaf of central itself to issue. */
export interface CentralLeafOrder {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly publicKey: KeyObject;
}

/** Central's certificate authority: one root, one agents' intermediate a namespace, one for services. */
export interface CertificateAuthority {
  readonly trustDomain: string;
  readonly root: X509Certificate;
  /** The intermediates that certify agents, of every namespace. */
  agentIntermediates(): readonly X509Certificate[];
  agentIntermediate(namespace: string): X509Certificate;
  readonly servicesIntermediate: X509Certificate;
  issueAgentLeaf(order: AgentLeafOrder): IssuedCertificate;
  issueCentralLeaf(order: CentralLeafOrder): IssuedCertificate;
  /** Makes a new namespace's intermediate inside the transaction that makes the namespace; call the result once that is on the disk. */
  addNamespace(trx: Writer, namespace: string): Promise<() => void>;
}

/**
 * Opens the authority of this data folder, making root, services and the default namespace's intermediate on the first start.
 *
 * @param deps store, vault and lifetimes in milliseconds
 * @throws vault.field_damaged, store.*
 */
export async function openAuthority(deps: AuthorityDeps): Promise<CertificateAuthority> {
  if ((await loadAuthorities(deps)).length === 0) await createRootAndServices(deps);
  const stored = await loadAuthorities(deps);
  const root = required(deps, stored, "root");
  const services = required(deps, stored, "services");
  const agents = new Map(
    stored.filter((each) => each.kind === "agents").map((each) => [each.namespace, each]),
  );
  const agentsOf = (namespace: string): StoredAuthority => {
    const found = agents.get(namespace);
    if (found !== undefined) return found;
    throw new TautlineError("api.not_found", {
      detail: { thing: "namespace", id: namespace, noun: "namespaces" },
    });
  };
  return {
    trustDomain: deps.trustDomain,
    root: root.certificate,
    agentIntermediates: () => [...agents.values()].map((each) => each.certificate),
    agentIntermediate: (namespace) => agentsOf(namespace).certificate,
    servicesIntermediate: services.certificate,
    issueAgentLeaf: (order) => issueAgentLeaf(deps, agentsOf(order.namespace), order),
    issueCentralLeaf: (order) => issueCentralLeaf(deps, services, order),
    addNamespace: async (trx, namespace) => {
      const added = await createAgents(deps, trx, root, namespace);
      return () => agents.set(namespace, added);
    },
  };
}

function issueAgentLeaf(
  deps: AuthorityDeps,
  issuer: StoredAuthority,
  order: AgentLeafOrder,
): IssuedCertificate {
  const { trustDomain, lifetimes } = deps;
  const { namespace, agentId, purpose, publicKey } = order;
  const certificate = issueCertificate({
    profile: { kind: `agent-${purpose}`, trustDomain, namespace, agentId },
    publicKey,
    issuer,
    ...leafValidity(deps.now(), lifetimes.agentLifetime, issuer.certificate),
    serial: createSerial(randomBytes),
  });
  const name = formatSpiffeId({ kind: "agent", trustDomain, namespace, agentId });
  return { certificate, issuerId: issuer.id, agentId, purpose, name };
}

function issueCentralLeaf(
  deps: AuthorityDeps,
  issuer: StoredAuthority,
  order: CentralLeafOrder,
): IssuedCertificate {
  const { trustDomain, lifetimes } = deps;
  const { publicKey, ...names } = order;
  const certificate = issueCertificate({
    profile: { kind: "central", trustDomain, ...names },
    publicKey,
    issuer,
    ...leafValidity(deps.now(), lifetimes.centralLifetime, issuer.certificate),
    serial: createSerial(randomBytes),
  });
  const name = formatSpiffeId({ kind: "central", trustDomain });
  return { certificate, issuerId: issuer.id, agentId: null, purpose: "server", name };
}

async function createAgents(
  deps: AuthorityDeps,
  trx: Writer,
  root: StoredAuthority,
  namespace: string,
): Promise<StoredAuthority> {
  const made = createAgentsIntermediate(root, {
    trustDomain: deps.trustDomain,
    namespace,
    now: () => deps.now() - AUTHORITY_BACKDATE_MS,
    lifetimeMs: deps.lifetimes.intermediateLifetime,
    serial: createSerial(randomBytes),
  });
  const id = serialOf(made.certificate);
  const added = { ...made, id, kind: "agents", namespace } as const;
  await storeAuthority(deps, trx, added);
  return added;
}

function required(
  { store }: AuthorityDeps,
  stored: readonly StoredAuthority[],
  kind: "root" | "services",
): StoredAuthority {
  const found = stored.find((each) => each.kind === kind);
  if (found !== undefined) return found;
  const reason = `the ${kind} authority is missing`;
  throw new TautlineError("store.damaged", { detail: { file: store.file, reason } });
}
