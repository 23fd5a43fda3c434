import { createBackoff } from "@tautline/link";
import { certificatesFromPem } from "@tautline/pki";
import {
  higherLevel,
  isLevelRefusal,
  provenLevel,
  type CustomMessage,
  DEFAULT_AGENT_SETTINGS,
  type Level,
  type LinkEvidence,
} from "@tautline/protocol";
import { createOrderHandler, inForce, withIdentity, type Keepers } from "./order-handler.ts";
import { openAuditWatch, type AuditWatch } from "../audit/audit-watch.ts";
import type { HeadMemory } from "../audit/head-memory.ts";
import type { GrantParts } from "../enrolment/grant-check.ts";
import { exchange } from "../enrolment/exchange.ts";
import type { CertificateStatus } from "../certificates/certificate-keeper.ts";
import { encodeRenewal } from "../enrolment/renewal-request.ts";
import type {
  AgentIdentity,
  AgentKeys,
  AgentState,
  CommittedState,
} from "../settings/agent-state.ts";
import type { TimeQuestion } from "./central-clock.ts";
import type { ProxyChoice } from "./proxy-choice.ts";
import {
  connectionSettingsStatus,
  fullStatus,
  joinedCapabilities,
  type HostFacts,
} from "./agent-report.ts";
import { createControlLink, type ControlLink, type LinkIdentity } from "./control-link.ts";
import { offeredCrypto } from "./crypto-settings.ts";
import { identityDial, levelOfOrders } from "./dial-central.ts";
import { dialOrder } from "./dial-order.ts";
import type { FoundKey } from "./key-file.ts";
import { createKeepers, type KeeperOptions } from "./keepers.ts";
import { createNextMessage, type NextMessage } from "./next-message.ts";
import type { PeerOffers } from "./peer-offers.ts";
import { createRescue } from "./rescue.ts";
import { statusDigest } from "./status-digest.ts";
import type { Dial } from "./transport.ts";
import { openTransportFor } from "./transports.ts";

/** What the control link needs of the agent around it. */
export interface AgentControlOptions extends KeeperOptions {
  /** Path of audit-head.json. */
  readonly auditHead: string;
  readonly offers: PeerOffers;
  readonly proxy: ProxyChoice;
  /** Gives the shared key, at the levels that need one. */
  readonly findKey: () => Promise<FoundKey>;
  /** Where central is asked first, before all that settings and instructions say. */
  readonly firstAddresses: readonly string[];
  readonly host: HostFacts;
  /** The first answer came and, if the identity was a candidate, it is committed. */
  readonly onConnected: (agentId: string, address: string, evidence: LinkEvidence) => void;
  /** What is to be told of the edge, if anything. */
  readonly edgeReport: () => CustomMessage | undefined;
  /** Settings came into force. */
  readonly onSettings: (state: CommittedState) => void;
}

/** The control link of an agent, which renews its identity meanwhile. */
export interface AgentControl extends Pick<ControlLink, "status" | "run"> {
  /** What is remembered of central's audit trail. */
  readonly auditMemory: HeadMemory;
  /** Certificates kept as files for other programs. */
  readonly keptCertificates: readonly CertificateStatus[];
  /** How other links of this agent reach central: as its identity, at its level; where it answered last first. */
  readonly way: { readonly dial: () => Dial; readonly addresses: () => readonly string[] };
}

/**
 * Makes the control link of an agent that holds an identity, proven or not; with a candidate the first answer proves it.
 *
 * @throws agent.out_of_order before central granted an identity
 */
export function createAgentControl(options: AgentControlOptions): AgentControl {
  const { store, config, clock, host, onProblem } = options;
  const state = withIdentity(store.state);
  const capabilities = joinedCapabilities(config.allowedInstructions.includes("settings"));
  const name = config.name ?? state.name;
  const status = fullStatus(state, name, host);
  const sources = { digestOf: statusDigest, filler: options.edgeReport };
  const nextMessage = createNextMessage(state.agentId, capabilities, status, sources);
  const watch = createAuditWatch(options, nextMessage);
  const keepers = createKeepers(options, nextMessage, () => link);
  const { keeper, mover, levels, certificates } = keepers;
  const { addresses, transport, answerTimeout, pollingInterval } = config.central;
  const centralAddresses = (): readonly string[] => [
    ...options.firstAddresses,
    ...dialOrder(addresses, known()),
  ];
  let answeredAt: string | undefined;
  const known = () => withIdentity(store.state);
  const rescue = createRescue({ level: options.level, state: known, configured: addresses });
  const link = createControlLink({
    session: {
      agentId: state.agentId,
      nextMessage,
      clock,
      answerTimeoutMs: answerTimeout,
      heartbeatMs: () => (transport === "polling" ? pollingInterval : heartbeatMs(store.state)),
      onAnswered: (address, evidence) => {
        answeredAt = address;
        rescue.answered();
        rememberLevel(options, evidence);
        options.onConnected(state.agentId, address, evidence);
        keeper.look();
        mover.answered(address);
        levels.answered();
        certificates.start();
      },
      onAnswer: () => levels.answered(),
      onOrder: createOrderHandler(options, { ...keepers, nextMessage, watch }),
      onProblem,
    },
    identity: (level = options.level()) => linkIdentity(options, nextMessage, keepers, level),
    askTime: () => options.centralClock.ask(),
    prepare: (address, signal, level = options.level()) =>
      keeper.prepare((asking, next) => {
        const bytes = encodeRenewal(asking.agentId, next, capabilities);
        return askOnce(options, { address, signal, level, asking, bytes });
      }),
    addresses: centralAddresses,
    ...(config.rescue && { climbsAfter: rescue.climbsAfter }),
    backoff: createBackoff({ random: options.random }),
    clock,
  });
  const way = {
    dial: () => dialAs(known(), options, options.level()),
    addresses: () => [
      ...new Set([...(answeredAt === undefined ? [] : [answeredAt]), ...centralAddresses()]),
    ],
  };
  return controlOf(link, { keeper, certificates, watch, way });
}

function controlOf(
  link: ControlLink,
  {
    keeper,
    certificates,
    watch,
    way,
  }: Pick<AgentControl, "way"> & Pick<Keepers, "keeper" | "certificates"> & { watch: AuditWatch },
): AgentControl {
  return {
    way,
    get status() {
      return link.status;
    },
    get keptCertificates() {
      return certificates.status;
    },
    get auditMemory() {
      return watch.memory;
    },
    run: (signal, maxRounds) => {
      keeper.start();
      watch.reportForks();
      return link.run(signal, maxRounds).finally(() => {
        keeper.stop();
        certificates.stop();
        watch.close();
      });
    },
  };
}

/** Asks over a link of its own, under an identity that has expired. */
function askOnce(
  options: AgentControlOptions,
  {
    address,
    asking,
    level: inUse,
    bytes,
    signal,
  }: {
    readonly address: string;
    readonly asking: CommittedState;
    readonly level: Level;
    readonly bytes: Uint8Array;
    readonly signal: AbortSignal;
  },
): Promise<GrantParts> {
  const { answerTimeout: answerTimeoutMs, transport } = options.config.central;
  const level = levelOfOrders(inUse);
  const openTransport = options.offers.over(openTransportFor(transport), level);
  const dial = dialAs(asking, options, level);
  const askTime = (): TimeQuestion => options.centralClock.ask();
  const how = { openTransport, dial, clock: options.clock, answerTimeoutMs, signal, askTime };
  return exchange({ address, agentId: asking.agentId, bytes }, how);
}

/** A next identity that was granted goes first: only a link can prove it. */
function linkIdentity(
  options: AgentControlOptions,
  nextMessage: NextMessage,
  { keeper, mover, levels }: Keepers,
  level: Level,
): LinkIdentity {
  const state = withIdentity(options.store.state);
  const next = state.state === "committed" ? state.renewal.next : undefined;
  const isNext = next?.granted !== undefined;
  const identity = next?.granted?.identity ?? state.identity;
  const nextCounter = isNext ? next.counter : undefined;
  return {
    dial: dialAs({ identity, keys: isNext ? next.keys : state.keys }, options, level),
    openTransport: options.offers.over(openTransportFor(options.config.central.transport), level),
    onProven: (address) => {
      commit(options, nextMessage);
      levels.proven(level, address);
      keeper.proven(nextCounter);
    },
    onUnproven: (error, address) => {
      // That a level is refused says nothing of the identity that came with it.
      if (!isLevelRefusal(error)) keeper.unproven(nextCounter, error);
      mover.unanswered(address, error);
      levels.unanswered(level, error);
    },
  };
}

function dialAs(
  { identity, keys }: { readonly identity: AgentIdentity; readonly keys: AgentKeys },
  { config, clock, proxy, findKey }: AgentControlOptions,
  level: Level,
): Dial {
  const { answerTimeout: timeoutMs } = config.central;
  const crypto = offeredCrypto(config.central);
  const limits = { timeoutMs, now: clock.now, proxyFor: proxy.proxyFor, crypto };
  return identityDial({ ...limits, identity, keys, level, findKey });
}

/** On the disk before anything is done over the link: a setting that asks for less is refused from now on. */
function rememberLevel({ store, audit }: AgentControlOptions, evidence: LinkEvidence): void {
  const state = withIdentity(store.state);
  if (state.state !== "committed") return;
  const level = higherLevel(state.provenLevel, provenLevel(evidence));
  if (level === undefined) return;
  audit.append("level.proven", { agentId: state.agentId, level });
  store.apply({ kind: "level_proven", level });
}

/** Central answered under the identity: only now is the token dropped and the identity the agent's own. */
function commit({ store, audit }: AgentControlOptions, nextMessage: NextMessage): void {
  if (store.state?.state !== "candidate") return;
  const { agentId, identity } = store.state;
  const { namespace, trustDomain } = identity;
  audit.append("enrolment.proven", { agentId, namespace, trustDomain });
  const committed = withIdentity(store.apply({ kind: "proven" }));
  nextMessage.report({
    connectionSettingsStatus: connectionSettingsStatus(committed),
    ...inForce(committed),
  });
}

function createAuditWatch(options: AgentControlOptions, nextMessage: NextMessage): AuditWatch {
  const { store, audit, auditHead: file, clock, onProblem } = options;
  return openAuditWatch({
    file,
    audit,
    onProblem,
    now: clock.now,
    trust: () => {
      const { rootsPem, trustDomain } = withIdentity(store.state).identity;
      return { roots: certificatesFromPem(rootsPem), trustDomain };
    },
    say: (message) => nextMessage.enqueue(message),
  });
}

function heartbeatMs(state: AgentState | undefined): number {
  const seconds =
    state?.state === "committed"
      ? state.last.settings.heartbeatSeconds
      : DEFAULT_AGENT_SETTINGS.heartbeatSeconds;
  return seconds * 1000;
}
