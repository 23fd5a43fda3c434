import { randomBytes, type KeyObject, type X509Certificate } from "node:crypto";
import {
  assembleCrl,
  type AssembleCrlOptions,
  certifyAuditKey,
  createAgentsIntermediate,
  createSerial,
  createServicesIntermediate,
  issueCertificate,
  serialOf,
  signPromotion,
  spkiPin,
} from "@tautline/pki";
import {
  type AuditKeyStatement,
  type CertificateUse,
  formatSpiffeId,
  type SignedPromotion,
  type SignedText,
  TautlineError,
} from "@tautline/protocol";
import type { Writer } from "../store/store.ts";
import type { AuthorityDeps } from "./authority-deps.ts";
import { nextIntermediateLife } from "./authority-renewal.ts";
import { AuthoritySet } from "./authority-set.ts";
import {
  AUTHORITY_BACKDATE_MS,
  createRootAndServices,
  loadAuthorities,
  retireAuthority,
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

/** Which leaf of a program to issue: for names on the network that were judged before. */
export interface ProgramLeafOrder {
  /** At least one, each as `readCertifiedName` reads it. */
  readonly names: readonly string[];
  readonly use: CertificateUse;
  readonly publicKey: KeyObject;
  /** Milliseconds from now. */
  readonly lifetimeMs: number;
  /** Where it belongs, empty for none; and the agent that keeps its files. */
  readonly program: { readonly namespace: string; readonly agentId: string | null };
}

/** One authority as far as lists show it. */
export interface Issuer {
  readonly id: string;
  readonly kind: StoredAuthority["kind"];
  /** Empty where it serves every namespace. */
  readonly namespace: string;
  readonly certificate: X509Certificate;
  /** It was replaced, and certifies nothing more. */
  readonly isRetired: boolean;
}

/** Central's certificate authority: one root, one agents' intermediate a namespace, one for services. */
export interface CertificateAuthority {
  readonly trustDomain: string;
  readonly root: X509Certificate;
  /** The intermediates that certify agents, of every namespace, and those that did. */
  agentIntermediates(): readonly X509Certificate[];
  agentIntermediate(namespace: string): X509Certificate;
  readonly servicesIntermediate: X509Certificate;
  /** The authority that a certificate names as its issuer; undefined where it is none of ours. */
  issuerOf(certificate: Pick<X509Certificate, "issuer">): X509Certificate | undefined;
  issueAgentLeaf(order: AgentLeafOrder): IssuedCertificate;
  issueCentralLeaf(order: CentralLeafOrder): IssuedCertificate;
  issueProgramLeaf(order: ProgramLeafOrder): IssuedCertificate;
  /** Every authority there is. */
  issuers(): readonly Issuer[];
  /** SHA-256 of an authority's SPKI, lower-case hex; undefined where there is none of that id. */
  issuerPin(id: string): string | undefined;
  /** Signs a revocation list; the key does not leave here. In DER. */
  issueCrl(id: string, list: Omit<AssembleCrlOptions, "issuer">): Buffer;
  /** Certifies, by the root, a key that signs checkpoints of the audit trail. */
  certifyAuditKey(
    statement: Omit<AuditKeyStatement, "spki" | "trustDomain">,
    publicKey: KeyObject,
  ): SignedText;
  /** Signs, by the root, where an agent without an identity can join: "host:port" of central's agents port, in the order to try. */
  signPromotion(addresses: readonly string[]): SignedPromotion;
  /** Makes a new namespace's intermediate inside the transaction that makes the namespace; call the result once that is on the disk. */
  addNamespace(trx: Writer, namespace: string): Promise<() => void>;
  /** Replaces each intermediate that nears its end by the next under the same root (`authority-renewal.ts`). */
  renewIfDue(): Promise<void>;
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
  required(deps, stored, "services");
  const set = new AuthoritySet(stored);
  const agentsOf = (namespace: string): StoredAuthority => {
    const found = set.agentsOf(namespace);
    if (found !== undefined) return found;
    throw new TautlineError("api.not_found", {
      detail: { thing: "namespace", id: namespace, noun: "namespaces" },
    });
  };
  const services = (): StoredAuthority => present(set.services());
  const renewIfDue = async (): Promise<void> => {
    for (const old of set.intermediates()) await renewIntermediate(deps, set, root, old);
  };
  // Before anything is certified: one that ended while central was down certifies nothing that lives.
  await renewIfDue();
  return {
    trustDomain: deps.trustDomain,
    root: root.certificate,
    agentIntermediates: () => certificatesOf(set.all().filter(({ kind }) => kind === "agents")),
    agentIntermediate: (namespace) => agentsOf(namespace).certificate,
    issuerOf: (certificate) => set.issuerOf(certificate),
    get servicesIntermediate() {
      return services().certificate;
    },
    issueAgentLeaf: (order) => issueAgentLeaf(deps, agentsOf(order.namespace), order),
    issueCentralLeaf: (order) => issueCentralLeaf(deps, services(), order),
    issueProgramLeaf: (order) => issueProgramLeaf(deps, services(), order),
    certifyAuditKey: (statement, publicKey) =>
      certifyAuditKey(root.privateKey, { ...statement, trustDomain: deps.trustDomain }, publicKey),
    signPromotion: (addresses) => {
      const { trustDomain } = deps;
      const pins = [spkiPin(root.certificate)];
      return signPromotion(root.privateKey, { addresses, pins, trustDomain });
    },
    issuers: () => set.all().map((each) => issuerView(each)),
    issuerPin: (id) => set.pin(id),
    issueCrl: (id, list) => assembleCrl({ ...list, issuer: present(set.find(id)) }),
    addNamespace: async (trx, namespace) => {
      const { intermediateLifetime } = deps.lifetimes;
      const place = { kind: "agents", namespace } as const;
      const added = await createIntermediate(deps, trx, root, {
        ...place,
        lifeMs: intermediateLifetime,
      });
      return () => set.put(added);
    },
    renewIfDue,
  };
}

function present(authority: StoredAuthority | undefined): StoredAuthority {
  if (authority === undefined) throw new TautlineError("internal.unexpected");
  return authority;
}

function certificatesOf(authorities: readonly StoredAuthority[]): X509Certificate[] {
  return authorities.map((each) => each.certificate);
}

/** Replaces an intermediate that nears its end; what it certified stays good until its own end. */
async function renewIntermediate(
  deps: AuthorityDeps,
  set: AuthoritySet,
  root: StoredAuthority,
  old: StoredAuthority,
): Promise<void> {
  const { intermediateLifetime, agentLifetime, centralLifetime, fileLifetime } = deps.lifetimes;
  const leafLifetime = Math.max(agentLifetime, centralLifetime, fileLifetime);
  const lives = { intermediateLifetime, leafLifetime };
  const nowMs = deps.now();
  const lifeMs = nextIntermediateLife(old.certificate, root.certificate, nowMs, lives);
  if (lifeMs === undefined) return;
  const { id, kind, namespace } = old;
  const next = await deps.store.write(async (trx) => {
    if (!(await retireAuthority(trx, old, nowMs))) return undefined;
    const subject = `authority:${id}`;
    const detail = { kind, namespace };
    await deps.audit.append(trx, {
      action: "authority.retired",
      actor: "central",
      subject,
      detail,
    });
    // Counted from now, not from the moment that it is dated back to.
    const order = { kind, namespace, lifeMs: lifeMs + AUTHORITY_BACKDATE_MS };
    return createIntermediate(deps, trx, root, order);
  });
  const changed =
    next === undefined ? await loadAuthorities(deps) : [{ ...old, isRetired: true }, next];
  for (const each of changed) set.put(each);
}

/** Without its key. */
function issuerView({ id, kind, namespace, certificate, isRetired }: StoredAuthority): Issuer {
  return { id, kind, namespace, certificate, isRetired };
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

function issueProgramLeaf(
  deps: AuthorityDeps,
  issuer: StoredAuthority,
  { names, use, publicKey, lifetimeMs, program }: ProgramLeafOrder,
): IssuedCertificate {
  const certificate = issueCertificate({
    profile: { kind: "program", use, names },
    publicKey,
    issuer,
    ...leafValidity(deps.now(), lifetimeMs, issuer.certificate),
    serial: createSerial(randomBytes),
  });
  const name = names.join(", ");
  return { certificate, issuerId: issuer.id, agentId: null, purpose: use, name, program };
}

interface IntermediateOrder {
  readonly kind: StoredAuthority["kind"];
  readonly namespace: string;
  readonly lifeMs: number;
}

async function createIntermediate(
  deps: AuthorityDeps,
  trx: Writer,
  root: StoredAuthority,
  { kind, namespace, lifeMs }: IntermediateOrder,
): Promise<StoredAuthority> {
  const options = {
    trustDomain: deps.trustDomain,
    now: () => deps.now() - AUTHORITY_BACKDATE_MS,
    lifetimeMs: lifeMs,
    serial: createSerial(randomBytes),
  };
  const made =
    kind === "agents"
      ? createAgentsIntermediate(root, { ...options, namespace })
      : createServicesIntermediate(root, options);
  const added = { ...made, id: serialOf(made.certificate), kind, namespace, isRetired: false };
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
