import type { Level } from "@tautline/protocol";
import type { TallyReading, Times } from "./tally.ts";

/** What a swarm did, as `--json` prints it. */
export interface SwarmReport {
  readonly target: string;
  /** Agents by the level in use at the end. */
  readonly levels: Readonly<Record<Level, number>>;
  readonly climbs: number;
  readonly seconds: number;
  readonly agents: {
    readonly asked: number;
    readonly joined: number;
    readonly connected: number;
    readonly lost: number;
  };
  readonly joins: Times & { readonly perSecond: number | null };
  readonly reconnects: Times & { readonly count: number };
  readonly renewals: {
    readonly count: number;
    readonly lapsed: number;
    readonly failed: number;
    /** Times in which an agent had no valid certificate. */
    readonly gaps: number;
    readonly longestGapMs: number;
  };
  readonly messages: {
    readonly sent: number;
    readonly acknowledged: number;
    readonly acknowledgedPerSecond: number;
  };
  readonly answers: Times;
  readonly errors: Readonly<Record<string, number>>;
  readonly ledger: string | null;
}

/** What a report tells beside what was counted. */
export interface ReportFacts {
  readonly target: string;
  readonly asked: number;
  readonly elapsedMs: number;
  readonly ledger: string | undefined;
}

/**
 * Makes the report of a swarm.
 *
 * @param reading what was counted
 * @param facts the order and the time it took
 */
export function reportOf(reading: TallyReading, facts: ReportFacts): SwarmReport {
  const { target, asked, elapsedMs, ledger = null } = facts;
  const { joined, connected, lost, joiningMs, sent, acknowledged, errors } = reading;
  return {
    target,
    levels: reading.levels,
    climbs: reading.climbs,
    seconds: round(elapsedMs / 1000),
    agents: { asked, joined, connected, lost },
    joins: { perSecond: joined === 0 ? null : perSecond(joined, joiningMs), ...reading.joinTimes },
    reconnects: { count: reading.reconnects, ...reading.reconnectTimes },
    renewals: {
      count: reading.renewals,
      lapsed: reading.lapsed,
      failed: reading.renewalFailures,
      gaps: reading.gaps,
      longestGapMs: reading.longestGapMs,
    },
    messages: {
      sent,
      acknowledged,
      acknowledgedPerSecond: perSecond(acknowledged, elapsedMs),
    },
    answers: reading.answerTimes,
    errors,
    ledger,
  };
}

/**
 * Writes a report for people.
 *
 * @param report of a swarm
 * @returns lines, the last without a newline
 */
export function formatReport(report: SwarmReport): string {
  const { agents, joins, reconnects, renewals, messages, answers, errors } = report;
  const rows = [
    ["agents", `${agents.joined} of ${agents.asked} joined, ${agents.lost} refused for good`],
    ["levels", `${levelsText(report.levels)}; ${report.climbs} climbs`],
    ["joins", `${joins.perSecond ?? 0}/s, each ${formatTimes(joins)}`],
    ["reconnects", `${reconnects.count}, each ${formatTimes(reconnects)}`],
    [
      "renewals",
      `${renewals.count}, ${renewals.lapsed} of expired certificates, ${renewals.failed} failed; ` +
        `${renewals.gaps} times without a valid certificate, longest ${renewals.longestGapMs} ms`,
    ],
    [
      "messages",
      `${messages.sent} sent, ${messages.acknowledged} acknowledged (${messages.acknowledgedPerSecond}/s)`,
    ],
    ["answers", formatTimes(answers)],
    ...Object.entries(errors).map(([code, count]) => ["error", `${code}: ${count}`]),
    ...(report.ledger === null ? [] : [["ledger", report.ledger]]),
    ["time", `${report.seconds} s`],
  ];
  return rows.map(([name = "", text = ""]) => `${name.padEnd(12)}${text}`).join("\n");
}

/**
 * Writes where a swarm stands, in one line.
 *
 * @param reading what was counted
 * @param facts the order and the time since its beginning
 */
export function formatProgress(reading: TallyReading, facts: ReportFacts): string {
  const { joined, connected, reconnects, acknowledged, answerTimes, errors } = reading;
  const failures = Object.values(errors).reduce((sum, count) => sum + count, 0);
  return [
    `${Math.round(facts.elapsedMs / 1000)} s`,
    `${joined} of ${facts.asked} joined`,
    `${connected} connected`,
    `${reconnects} reconnects`,
    `${acknowledged} acknowledged`,
    `answers p99 ${answerTimes.p99Ms ?? "-"} ms`,
    `${failures} errors`,
  ].join(", ");
}

function levelsText(levels: SwarmReport["levels"]): string {
  const used = Object.entries(levels).filter(([, agents]) => agents > 0);
  return used.length === 0 ? "-" : used.map(([level, agents]) => `${agents} ${level}`).join(", ");
}

function formatTimes({ p50Ms, p99Ms, maxMs }: Times): string {
  return p50Ms === null ? "-" : `p50 ${p50Ms} ms, p99 ${p99Ms} ms, longest ${maxMs} ms`;
}

function perSecond(count: number, ms: number): number {
  return ms <= 0 ? 0 : round((count * 1000) / ms);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
