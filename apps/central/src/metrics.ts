import { LEVELS, type LinkEvidence } from "@tautline/protocol";
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import { POLICY_KINDS, type PolicyKind } from "./policy/policy-kind.ts";
import { CALL_OUTCOMES } from "./receiver/call-outcome.ts";
import { VERSION } from "./version.ts";

/** What central counts; names, labels and their values stand in docs/reference/metrics.md. */
export interface CentralMetrics {
  readonly registry: Registry;
  readonly refusals: Counter<"code">;
  readonly messages: Counter<"transport">;
  readonly enrolments: Counter<"outcome">;
  readonly instructions: Counter<"outcome">;
  readonly links: Gauge<"level">;
  readonly waiting: Gauge<"queue">;
  readonly begun: Counter<"queue">;
  readonly waited: Counter<"queue">;
  readonly turnedAway: Counter<"queue">;
  readonly forwardStreams: Counter<"outcome">;
  readonly forwardBytes: Counter<"direction">;
  readonly receiverCalls: Counter<"backend" | "outcome">;
  readonly receiverBytes: Counter<"direction">;
  readonly receiverClaims: Counter<"backend" | "verdict">;
  readonly policyEnded: Counter<"code">;
  /** Says who knows how many exceptions there are, by kind of link; asked whenever the metrics are read. */
  watchExceptions(read: () => ReadonlyMap<PolicyKind, number>): void;
  /** Says who knows the links that streams of forwards run over; asked whenever the metrics are read. */
  watchStreams(read: () => readonly Pick<LinkEvidence, "level">[]): void;
  /** Says who knows when certificates and revocation lists end; asked whenever the metrics are read. */
  watchEnds(read: () => Ends): void;
}

/** Seconds until something ends, by the kind of authority (`central`: central's own leaf). */
export interface Ends {
  readonly certificates: ReadonlyMap<string, number>;
  readonly crls: ReadonlyMap<string, number>;
}

/** The values a label may have, where they are few: each series is there from the start, so that a rate never begins with a gap. */
export const LABEL_VALUES = {
  transport: ["websocket", "polling"],
  enrolment: ["joined", "waiting", "refused"],
  instruction: ["issued", "carried out", "refused"],
  level: LEVELS,
  certificate: ["root", "agents", "services", "central"],
  crl: ["root", "agents", "services"],
  stream: ["clean", "broken", "refused"],
  direction: ["up", "down"],
  policy: ["policy.level_refused", "policy.client_unproven", "policy.not_post_quantum"],
  kind: POLICY_KINDS,
  call: CALL_OUTCOMES,
  claim: ["logged", "refused"],
  queue: ["handshakes", "handshakes-advanced", "handshakes-basic", "enrolments"],
} as const;

/** Makes central's registry of metrics with Node's own process metrics in it. */
export function createMetrics(): CentralMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({
    name: "tautline_build_info",
    help: "Always 1; the version stands in the label.",
    labelNames: ["version"],
    registers,
  }).set({ version: VERSION }, 1);
  const metrics: CentralMetrics = {
    registry,
    refusals: new Counter({
      name: "tautline_refusals_total",
      help: "Callers and requests refused, by error code.",
      labelNames: ["code"],
      registers,
    }),
    messages: new Counter({
      name: "tautline_opamp_messages_total",
      help: "OpAMP messages received from agents, by transport.",
      labelNames: ["transport"],
      registers,
    }),
    enrolments: new Counter({
      name: "tautline_enrolments_total",
      help: "Join requests, by outcome.",
      labelNames: ["outcome"],
      registers,
    }),
    instructions: new Counter({
      name: "tautline_instructions_total",
      help: "Signed instructions, by outcome.",
      labelNames: ["outcome"],
      registers,
    }),
    links: new Gauge({
      name: "tautline_links",
      help: "Live control links of this central, by level.",
      labelNames: ["level"],
      registers,
    }),
    watchEnds: watchEndsOn(registry),
    ...createForwardMetrics(registers),
    ...createReceiverMetrics(registers),
    ...createPolicyMetrics(registers),
    ...createQueueMetrics(registers),
  };
  beginAtZero(metrics);
  return metrics;
}

/** Gauges whose values are asked for whenever they are read. */
function watchEndsOn(registry: Registry): CentralMetrics["watchEnds"] {
  const watched: { read: (() => Ends) | undefined } = { read: undefined };
  const gauge = (name: string, help: string, of: keyof Ends): Gauge<"authority"> =>
    new Gauge({
      name,
      help,
      labelNames: ["authority"],
      registers: [registry],
      collect() {
        for (const [authority, seconds] of watched.read?.()[of] ?? []) {
          this.set({ authority }, seconds);
        }
      },
    });
  gauge(
    "tautline_certificate_expires_seconds",
    "Seconds until the authority's certificate ends, the earliest of its kind.",
    "certificates",
  );
  gauge(
    "tautline_crl_expires_seconds",
    "Seconds until the authority's revocation list ends, the earliest of its kind.",
    "crls",
  );
  return (read) => {
    watched.read = read;
  };
}

/** The queues before handshakes and enrolments. */
function createQueueMetrics(
  registers: Registry[],
): Pick<CentralMetrics, "waiting" | "begun" | "waited" | "turnedAway"> {
  const labelNames = ["queue"] as const;
  return {
    waiting: new Gauge({
      name: "tautline_queue_waiting",
      help: "Callers waiting for their turn, by queue.",
      labelNames,
      registers,
    }),
    begun: new Counter({
      name: "tautline_queue_begun_total",
      help: "Callers whose turn came, by queue.",
      labelNames,
      registers,
    }),
    waited: new Counter({
      name: "tautline_queue_waited_seconds_total",
      help: "Seconds that those whose turn came had waited, by queue.",
      labelNames,
      registers,
    }),
    turnedAway: new Counter({
      name: "tautline_queue_refused_total",
      help: "Callers for whom there was no room, by queue.",
      labelNames,
      registers,
    }),
  };
}

/** Streams of forwards. */
function createForwardMetrics(
  registers: Registry[],
): Pick<CentralMetrics, "forwardStreams" | "forwardBytes" | "watchStreams"> {
  const watched: { read: Parameters<CentralMetrics["watchStreams"]>[0] } = { read: () => [] };
  const running = new Gauge({
    name: "tautline_forward_streams",
    help: "Streams of forwards that this central carries, by level.",
    labelNames: ["level"],
    registers,
    collect() {
      for (const level of LABEL_VALUES.level) this.set({ level }, 0);
      for (const { level } of watched.read()) this.inc({ level });
    },
  });
  running.reset();
  return {
    forwardStreams: new Counter({
      name: "tautline_forward_streams_total",
      help: "Streams of forwards that have ended or were refused, by outcome.",
      labelNames: ["outcome"],
      registers,
    }),
    forwardBytes: new Counter({
      name: "tautline_forward_bytes_total",
      help: "Bytes of streams that have ended; up is from agents.",
      labelNames: ["direction"],
      registers,
    }),
    watchStreams: (read) => {
      watched.read = read;
    },
  };
}

/** Calls of telemetry. */
function createReceiverMetrics(
  registers: Registry[],
): Pick<CentralMetrics, "receiverCalls" | "receiverBytes" | "receiverClaims"> {
  return {
    receiverClaims: new Counter({
      name: "tautline_receiver_claims_total",
      help: "Names in telemetry that its sender may not claim, and messages that could not be read for them, by backend and verdict.",
      labelNames: ["backend", "verdict"],
      registers,
    }),
    receiverCalls: new Counter({
      name: "tautline_receiver_calls_total",
      help: "Calls of telemetry that are over, by backend and outcome.",
      labelNames: ["backend", "outcome"],
      registers,
    }),
    receiverBytes: new Counter({
      name: "tautline_receiver_bytes_total",
      help: "Bytes in the bodies of such calls; up is from callers.",
      labelNames: ["direction"],
      registers,
    }),
  };
}

/** What policies end, and whom they let be. */
function createPolicyMetrics(
  registers: Registry[],
): Pick<CentralMetrics, "policyEnded" | "watchExceptions"> {
  const watched: { read: Parameters<CentralMetrics["watchExceptions"]>[0] } = {
    read: () => new Map(),
  };
  const exceptions = new Gauge({
    name: "tautline_policy_exceptions",
    help: "Agents that may use a level although the policy says no, by kind of link.",
    labelNames: ["kind"],
    registers,
    collect() {
      for (const [kind, count] of watched.read()) this.set({ kind }, count);
    },
  });
  exceptions.reset();
  return {
    policyEnded: new Counter({
      name: "tautline_policy_ended_total",
      help: "Agents whose live links a change of policy has ended, by error code.",
      labelNames: ["code"],
      registers,
    }),
    watchExceptions: (read) => {
      watched.read = read;
    },
  };
}

function beginAtZero(metrics: CentralMetrics): void {
  const { messages, enrolments, instructions, links } = metrics;
  for (const transport of LABEL_VALUES.transport) messages.inc({ transport }, 0);
  for (const outcome of LABEL_VALUES.enrolment) enrolments.inc({ outcome }, 0);
  for (const outcome of LABEL_VALUES.instruction) instructions.inc({ outcome }, 0);
  for (const level of LABEL_VALUES.level) links.set({ level }, 0);
  for (const outcome of LABEL_VALUES.stream) metrics.forwardStreams.inc({ outcome }, 0);
  for (const code of LABEL_VALUES.policy) metrics.policyEnded.inc({ code }, 0);
  for (const direction of LABEL_VALUES.direction) {
    metrics.forwardBytes.inc({ direction }, 0);
    metrics.receiverBytes.inc({ direction }, 0);
  }
  for (const outcome of LABEL_VALUES.call) {
    metrics.receiverCalls.inc({ backend: "none", outcome }, 0);
  }
  for (const verdict of LABEL_VALUES.claim) {
    metrics.receiverClaims.inc({ backend: "none", verdict }, 0);
  }
  for (const queue of LABEL_VALUES.queue) {
    metrics.waiting.set({ queue }, 0);
    for (const counter of [metrics.begun, metrics.waited, metrics.turnedAway]) {
      counter.inc({ queue }, 0);
    }
  }
}
