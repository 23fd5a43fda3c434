import { create } from "@bufbuild/protobuf";
import { createBackoff } from "@tautline/link";
import { openPromotion } from "@tautline/pki";
import {
  AgentCapability,
  CAPABILITY_PROMOTION,
  ComponentHealthSchema,
  CustomCapabilitiesSchema,
  decodePromotionOffer,
  DEFAULT_AGENT_SETTINGS,
  TautlineError,
  toTautlineError,
  type LinkEvidence,
  type PromotionOffer,
} from "@tautline/protocol";
import type { Clock } from "../clock.ts";
import type { AgentConfig } from "../config.ts";
import { describeAgent, type HostFacts } from "../control/agent-report.ts";
import type { CentralClock } from "../control/central-clock.ts";
import { createControlLink, type ControlLink } from "../control/control-link.ts";
import { offeredCrypto } from "../control/crypto-settings.ts";
import { filesDial } from "../control/dial-files.ts";
import { keyedDial } from "../control/dial-keyed.ts";
import { plaintextDial } from "../control/dial-plaintext.ts";
import type { FoundKey } from "../control/key-file.ts";
import { createNextMessage, type Status } from "../control/next-message.ts";
import type { PeerOffers } from "../control/peer-offers.ts";
import type { ProxyChoice } from "../control/proxy-choice.ts";
import type { Order } from "../control/session.ts";
import type { Dial } from "../control/transport.ts";
import { openTransportFor } from "../control/transports.ts";
import type { TlsFiles } from "../tls-files/tls-files.ts";
import type { LegacyWish } from "./legacy-wish.ts";

const NANOSECONDS_PER_MS = 1_000_000n;

/** It tells how it is and takes nothing: no settings, no packages, no commands, no connection settings. */
const CAPABILITIES =
  AgentCapability.ReportsStatus | AgentCapability.ReportsHealth | AgentCapability.ReportsHeartbeat;

/** What the link of an agent without an identity needs of the agent around it. */
export interface LegacyControlOptions {
  readonly id: string;
  readonly wish: LegacyWish;
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly centralClock: CentralClock;
  readonly offers: PeerOffers;
  readonly proxy: ProxyChoice;
  readonly findKey: () => Promise<FoundKey>;
  /** What levels tls and mtls dial by. */
  readonly files: TlsFiles | undefined;
  readonly random: () => number;
  readonly host: HostFacts;
  readonly onAnswered: (address: string, evidence: LinkEvidence) => void;
  /** Central says where this agent could have an identity. */
  readonly onOffer: (offer: PromotionOffer) => void;
  readonly onProblem: (error: TautlineError) => void;
}

/**
 * Makes the control link of an agent that has no identity: it reports its status, and does nothing that central says.
 *
 * @param options the agent around it
 */
export function createLegacyControl(options: LegacyControlOptions): ControlLink {
  const { id, wish, config, clock, centralClock, random, host, onProblem } = options;
  const { transport, answerTimeout, pollingInterval } = config.central;
  const status = legacyStatus(id, wish.name, host);
  const dial = legacyDial(options);
  const openTransport = options.offers.over(openTransportFor(transport), wish.level);
  const heartbeatMs =
    transport === "polling" ? pollingInterval : DEFAULT_AGENT_SETTINGS.heartbeatSeconds * 1000;
  return createControlLink({
    session: {
      agentId: id,
      nextMessage: createNextMessage(id, CAPABILITIES, status),
      clock,
      answerTimeoutMs: answerTimeout,
      heartbeatMs: () => heartbeatMs,
      onAnswered: options.onAnswered,
      onAnswer: () => {},
      onOrder: (order) => hear(order, options),
      onProblem,
    },
    identity: () => ({ dial, openTransport, onProven: () => {}, onUnproven: () => {} }),
    askTime: () => centralClock.ask(),
    addresses: () => wish.addresses,
    backoff: createBackoff({ random }),
    clock,
  });
}

function legacyDial(options: LegacyControlOptions): Dial {
  const { wish, config, clock, proxy, findKey, files, onProblem } = options;
  const { level } = wish;
  const { answerTimeout: timeoutMs } = config.central;
  const crypto = offeredCrypto(config.central);
  const limits = { timeoutMs, now: clock.now, proxyFor: proxy.proxyFor, crypto };
  if (level === "plaintext") return plaintextDial(limits);
  if (level === "basic" || level === "advanced") return keyedDial(level, findKey, limits);
  // `legacyWish` gives these levels to nobody without files.
  if (files === undefined) throw new TautlineError("internal.unexpected");
  return filesDial(files, { ...limits, onProblem });
}

function hear(order: Order, { onOffer, onProblem }: LegacyControlOptions): void {
  if (order.kind !== "promotion") {
    const detail = { what: order.kind === "unsigned" ? order.what : NAMES[order.kind] };
    onProblem(new TautlineError("agent.order_unproven", { detail }));
    return;
  }
  try {
    onOffer(openPromotion(decodePromotionOffer(order.data)));
  } catch (error) {
    onProblem(toTautlineError(error));
  }
}

const NAMES = {
  instruction: "settings",
  grant: "an identity",
  audit: "its audit trail",
  certificate: "a certificate",
} as const;

/** It carries out no instruction, whatever its settings would allow one that has joined. */
function legacyStatus(id: string, name: string, host: HostFacts): Status {
  return {
    agentDescription: describeAgent(id, name, { ...host, instructions: [] }),
    health: create(ComponentHealthSchema, {
      healthy: true,
      startTimeUnixNano: BigInt(host.startedAtMs) * NANOSECONDS_PER_MS,
    }),
    customCapabilities: create(CustomCapabilitiesSchema, { capabilities: [CAPABILITY_PROMOTION] }),
  };
}
