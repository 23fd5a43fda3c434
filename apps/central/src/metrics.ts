import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";

/** What central counts; names and labels stand in docs/reference/metrics.md. */
export interface CentralMetrics {
  readonly registry: Registry;
  readonly refusals: Counter<"code">;
  readonly messages: Counter<"transport">;
  readonly enrolments: Counter<"outcome">;
  readonly instructions: Counter<"outcome">;
  readonly links: Gauge<"level">;
}

/** Makes central's registry of metrics with Node's own process metrics in it. */
export function createMetrics(): CentralMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
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
      help: "Signed instructions, by outcome: issued, carried out, refused.",
      labelNames: ["outcome"],
      registers,
    }),
    links: new Gauge({
      name: "tautline_links",
      help: "Live control links of this central, by level.",
      labelNames: ["level"],
      registers,
    }),
  };
}
