import { spkiPin } from "@tautline/pki";
import { encodeJoinToken, type SignedPromotion } from "@tautline/protocol";
import type { CentralState, OpenedCentral } from "./opened-central.ts";
import { type CentralAddresses, openCentralAddresses } from "./addresses/wanted-addresses.ts";
import type { CertificateAuthority } from "./authority/authority.ts";
import { createAgentJudge } from "./authority/agent-judge.ts";
import { certifiedNames, dialledAddresses, readHostFacts } from "./authority/own-names.ts";
import { type Admission, createAdmission } from "./control/admission.ts";
import { createSessions } from "./control/begin-session.ts";
import type { Caller } from "./control/caller.ts";
import type { ClaimSessionDeps } from "./control/claim-session.ts";
import { createLiveLinks, type LiveLinks } from "./control/live-links.ts";
import { createOffers, type Offers } from "./control/offers.ts";
import { createOpenConnections, type OpenConnections } from "./control/open-connections.ts";
import { createPollingLinks, type PollingLinks } from "./control/polling-links.ts";
import { createRefusals, type Refusals } from "./control/refusals.ts";
import type { Session } from "./control/session.ts";
import { createTokenStore, type TokenParts, type TokenStore } from "./enrolment/token-store.ts";
import { type AgentLife, createAgentLife } from "./fleet/agent-life.ts";
import { type AgentStore, createAgentStore } from "./fleet/agent-store.ts";
import type { KeyRing } from "./keys/key-ring.ts";
import { claimEnded, createClaimStore } from "./fleet/claim-store.ts";
import { createLinkStore, type LinkStore } from "./fleet/link-store.ts";
import { type NamespaceStore, openNamespaces } from "./fleet/namespace-store.ts";
import { createHerd, type Herd } from "./herd/herd.ts";
import { createEvidenceHistory, type EvidenceHistory } from "./history/evidence-history.ts";
import { createInstructionStore } from "./instructions/instruction-store.ts";
import { openInstructor } from "./instructions/instructor.ts";
import { type CentralMetrics, createMetrics } from "./metrics.ts";
import { type LevelOrders, openLevelOrders } from "./moves/level-orders.ts";
import { openPolicies, type Policies } from "./policy/policies.ts";
import { enforcePolicy } from "./policy/enforce-policy.ts";
import type { PolicyBook } from "./policy/policy-book.ts";
import { judgeCallerUnderPolicy } from "./policy/policy-judge.ts";
import { createPrograms, type Programs } from "./programs/programs.ts";
import { createReopenings, type Reopenings } from "./reopening/reopenings.ts";
import { createSettingStore, type SettingStore } from "./settings/setting-store.ts";

/** What central knows of its agents, and the sessions it holds with them. */
export interface Fleet {
  readonly metrics: CentralMetrics;
  readonly agents: AgentStore;
  readonly life: AgentLife;
  readonly moves: LevelOrders;
  readonly links: LinkStore;
  readonly history: EvidenceHistory;
  readonly tokens: TokenStore;
  readonly namespaces: NamespaceStore;
  readonly settings: SettingStore;
  /** Tells every agent where central is now. Never throws. */
  readonly offerAddresses: () => void;
  readonly live: LiveLinks;
  readonly polling: PollingLinks;
  readonly connections: OpenConnections;
  readonly refusals: Refusals;
  readonly admission: Admission;
  readonly beginSession: (caller: Caller) => Session;
  readonly herd: Herd;
  readonly offers: Offers;
  readonly policies: Policies;
  readonly reopenings: Reopenings;
  readonly programs: Programs;
}

/** What the fleet is built on. */
export type FleetDeps = OpenedCentral & { readonly keys: Pick<KeyRing, "noteUse"> };

/**
 * Builds the fleet's parts.
 *
 * @param deps what was opened already
 * @param state where central listens, for join tokens and grants
 */
export async function createFleet(deps: FleetDeps, state: CentralState): Promise<Fleet> {
  const { config, store, vault, audit, authority, log, now } = deps;
  const recorded = { store, audit, now };
  const metrics = createMetrics();
  const addresses = await openAddresses(deps, state);
  const heartbeatOf = (namespace: string): Promise<number> => settings.heartbeatMs(namespace);
  const agents = createAgentStore({ ...recorded, heartbeatOf });
  const links = createLinkStore(store, deps.centralId);
  const formatToken = (parts: TokenParts): string =>
    joinToken(deps, addresses.toldTo(parts.namespace), parts);
  const tokens = createTokenStore({ ...recorded, vault, formatToken });
  const namespaces = await openNamespaces({ ...recorded, authority });
  const policies = await openPolicies({ ...recorded, metrics, log });
  const { book } = policies;
  const reopenings = createReopenings(recorded);
  const instructor = await openInstructor({ store, vault, now });
  const { lifetime: lifetimeMs } = config.instructions;
  const { renewalGrace: renewalGraceMs } = config.certificates;
  const programs = programsOf(deps);
  const instructions = createInstructionStore({ ...recorded, instructor, lifetimeMs });
  const history = createEvidenceHistory({ store, now, rule: config.history });
  const live = createLiveLinks({ ...deps, agents, links, history: history.recorder, metrics });
  const moves = await openLevelOrders({ ...recorded, tellAgent: (id) => live.pushToAgent(id) });
  const endClaims = (id: string): void => live.endAgent(id, claimEnded(id, "it has joined"));
  const life = createAgentLife({
    ...recorded,
    renewalGraceMs,
    endLinks: (id, reason) => live.endAgent(id, reason),
    tellAgent: (id) => void live.pushToAgent(id),
    forgetHistory: (trx, id) => history.forget(trx, id),
  });
  const onChange = (namespace: string): void => {
    addresses
      .refresh()
      .then(() => live.pushTo(namespace))
      .catch((error: unknown) => log.error({ err: error }, "changed settings were not offered"));
  };
  const settings = createSettingStore({ ...recorded, onChange });
  const refusals = createRefusals({ audit, history: history.recorder, log, metrics, now });
  const herd = createHerd({ ...deps, metrics });
  const admission = openGate(deps, { tokens, refusals, herd });
  const connections = createOpenConnections();
  book.onChange(() => enforcePolicy({ book, live, connections, metrics, log }));
  const toldTo = (namespace: string): readonly string[] => addresses.toldTo(namespace);
  const grant = { authority, instructor, addresses: toldTo };
  const renewing = { renewal: { ...recorded, authority }, grant };
  const offering = { settings, instructions, addresses, moves, witness: deps.trail.witness };
  const enrolment = { ...recorded, tokens, authority, endClaims };
  const beginSession = createSessions({
    agents: { ...offering, ...programs, agents, metrics, now, store, renewing, life },
    joining: { enrolment, grant, metrics, queue: herd.enrolments },
    claiming: { ...claimsOf(deps, { addresses, book, herd }), reopenings },
  });
  const polling = createPollingLinks({ live, refusals, metrics, now, beginSession, heartbeatOf });
  const offers = createOffers(live, () => state.levels?.() ?? ["tls", "mtls"]);
  const stores = { agents, life, moves, links, history, tokens, namespaces, settings, programs };
  const gate = { connections, refusals, admission, herd };
  const parts = { policies, reopenings, metrics, live, polling, ...gate };
  return { ...stores, ...parts, beginSession, offers, offerAddresses: () => onChange("") };
}

/** The gate of the control link. */
function openGate(
  { config, store, authority, now }: OpenedCentral,
  parts: Pick<Fleet, "tokens" | "refusals" | "herd">,
): Admission {
  const { renewalGrace: renewalGraceMs } = config.certificates;
  const judge = createAgentJudge(authority, now);
  const proofs = { judge, trustDomain: authority.trustDomain };
  const tlsClients = (): "proven" | "any" => config.agents.tlsClients;
  return createAdmission({ ...parts, store, authority, now, renewalGraceMs, proofs, tlsClients });
}

interface AroundClaims {
  readonly addresses: CentralAddresses;
  readonly book: PolicyBook;
  readonly herd: Pick<Herd, "sources">;
}

/** Those without an identity: what is kept of them, what is asked of their links once they have said their ids, and what they are told of where they can join. */
function claimsOf(
  { authority, store, now }: OpenedCentral,
  { addresses, book, herd }: AroundClaims,
): Omit<ClaimSessionDeps, "reopenings"> {
  return {
    claims: createClaimStore({ store, now, sources: herd.sources }),
    judge: (caller, agentId) => judgeCallerUnderPolicy(book, caller, { kind: "control", agentId }),
    promotion: signedOnce(authority, addresses),
  };
}

/** Where to join is signed anew only where it has changed: many may ask at once. */
function signedOnce(
  authority: Pick<CertificateAuthority, "signPromotion">,
  addresses: CentralAddresses,
): ClaimSessionDeps["promotion"] {
  let last: SignedPromotion | undefined;
  return (namespace) => {
    const told = addresses.toldTo(namespace);
    if (last?.addresses.join() !== told.join()) last = authority.signPromotion(told);
    return last ?? authority.signPromotion(told);
  };
}

/** Certificates of programs: none is ever for a name that central itself has now. */
function programsOf(deps: OpenedCentral): Programs {
  const { fileLifetime: keptLifetimeMs } = deps.config.certificates;
  const ownNames = () => certifiedNames(readHostFacts(), deps.config.agents.advertise);
  return createPrograms({ ...deps, keptLifetimeMs, ownNames });
}

/** Where agents are told to dial: what is set, else what is advertised, else this host's own. */
function openAddresses(
  { config, store }: OpenedCentral,
  state: CentralState,
): Promise<CentralAddresses> {
  const own = (): readonly string[] =>
    dialledAddresses({
      facts: readHostFacts(),
      bound: state.agents ?? config.agents,
      advertised: config.agents.advertise,
    });
  const advertised = config.agents.advertise.length > 0 ? own : (): readonly string[] => [];
  return openCentralAddresses({ store, advertised, own });
}

function joinToken(
  { authority }: OpenedCentral,
  addresses: readonly string[],
  parts: TokenParts,
): string {
  return encodeJoinToken({
    ...parts,
    addresses: [...addresses],
    pins: [spkiPin(authority.root)],
    trustDomain: authority.trustDomain,
  });
}
