import assert from "node:assert/strict";
import { test } from "node:test";
import { type CustomMessage, decodeEdgeReport, type EdgeReport } from "@tautline/protocol";
import { createEdgeReporter, edgeReportOf } from "./edge-reporter.ts";
import type { EdgeStatus } from "./edge-status.ts";

const MINUTE_MS = 60_000;

const STATUS: EdgeStatus = {
  connections: 1,
  calls: 5,
  failed: 1,
  sentBytes: 9,
  receivedBytes: 9,
  kept: 2,
  delivered: 0,
  listen: "127.0.0.1:11800",
  listening: true,
  onward: [{ name: "central", state: "ready", error: null, code: null }],
  files: null,
  store: {
    calls: 2,
    bytes: 700,
    aside: 0,
    losses: [
      { client: "a", reason: "full", calls: 2 },
      { client: "b", reason: "full", calls: 1 },
      { client: "b", reason: "age", calls: 1 },
    ],
  },
  trouble: null,
};
const OUT = [{ name: "central", state: "out", error: "No. Wait.", code: "link.refused" }] as const;

interface Scene {
  status: EdgeStatus;
  nowMs: number;
  /** How often what was counted was put on the disk. */
  kept: number;
  readonly next: () => EdgeReport | undefined;
  readonly beginLink: () => void;
}

const read = (message: CustomMessage | undefined): EdgeReport | undefined =>
  message && decodeEdgeReport(message.data);

function scene(): Scene {
  const totals = { calls: 100, failed: 3, kept: 40, delivered: 38 };
  const edge = {
    totals,
    keepTotals: () => void (subject.kept += 1),
    get status() {
      return subject.status;
    },
  };
  const reporter = createEdgeReporter(edge, () => subject.nowMs);
  const subject: Scene = {
    status: STATUS,
    nowMs: 0,
    kept: 0,
    next: () => read(reporter.next()),
    beginLink: () => reporter.beginLink(),
  };
  return subject;
}

test("SWP-9: the first report tells all of it, by reason and not by client, and is on the disk before", () => {
  const subject = scene();
  const report = subject.next();
  assert.deepEqual(report, {
    listening: true,
    calls: 100,
    failed: 3,
    kept: 40,
    delivered: 38,
    waitingCalls: 2,
    waitingBytes: 700,
    losses: [
      { reason: "full", calls: 3 },
      { reason: "age", calls: 1 },
    ],
    places: [{ name: "central", state: "ready", code: "" }],
    trouble: "",
    troubleAtMs: 0,
  });
  assert.equal(subject.kept, 1);
});

test("what is news is told after a minute at the earliest, counts that merely rise after ten, and nothing twice", () => {
  const subject = scene();
  subject.next();
  subject.status = { ...STATUS, onward: OUT };
  subject.nowMs += MINUTE_MS - 1;
  assert.equal(subject.next(), undefined);
  subject.nowMs += 1;
  assert.equal(subject.next()?.places[0]?.code, "link.refused");
  subject.nowMs += 20 * MINUTE_MS;
  assert.equal(subject.next(), undefined);
  subject.status = { ...subject.status, store: { ...STATUS.store, calls: 3 } };
  assert.equal(subject.next()?.waitingCalls, 3);
  subject.status = { ...subject.status, store: { ...STATUS.store, calls: 4 } };
  subject.nowMs += 10 * MINUTE_MS - 1;
  assert.equal(subject.next(), undefined);
  subject.nowMs += 1;
  assert.equal(subject.next()?.waitingCalls, 4);
  assert.equal(subject.kept, 4);
});

test("a loss is news, and so are a trouble and the end of listening; that a place is dialled is not", () => {
  for (const change of [
    { store: { ...STATUS.store, losses: [] } },
    { listening: false },
    { trouble: { at: "2026-01-01T00:00:00Z", code: "a.b", text: "", remedy: "" } },
  ]) {
    const subject = scene();
    subject.next();
    subject.nowMs += MINUTE_MS;
    subject.status = { ...STATUS, ...change };
    assert.ok(subject.next());
  }
  const subject = scene();
  subject.next();
  subject.nowMs += MINUTE_MS;
  const dialling = { name: "central", state: "connecting", error: null, code: null } as const;
  subject.status = { ...STATUS, onward: [dialling] };
  assert.equal(subject.next(), undefined);
});

test("each link is told all of it once: there may be another central behind it", () => {
  const subject = scene();
  const first = subject.next();
  subject.beginLink();
  assert.deepEqual(subject.next(), first);
  assert.equal(subject.next(), undefined);
});

test("an edge whose store is not open says so by its trouble, and files that hinder it are one", () => {
  const trouble = {
    at: "2026-01-01T00:00:01Z",
    code: "agent.edge_store_foreign",
    text: "",
    remedy: "",
  };
  const closed = edgeReportOf({ ...STATUS, listening: false, trouble }, undefined);
  const { calls, listening, troubleAtMs } = closed;
  const at = Date.UTC(2026, 0, 1, 0, 0, 1);
  assert.deepEqual(
    [calls, listening, closed.trouble, troubleAtMs],
    [0, false, "agent.edge_store_foreign", at],
  );
  const problem = { code: "files.missing", text: "", remedy: "" };
  const files = { level: "mtls", certificate: null, problem } as const;
  assert.equal(edgeReportOf({ ...STATUS, files }).trouble, "files.missing");
});
