import assert from "node:assert/strict";
import { test } from "node:test";
import { TEST_NOW_MS } from "../test-world.ts";
import { judgeAgentStatus } from "./examine-agent.ts";
import { examineToldEdge, judgeOwnEdge } from "./examine-edge.ts";
import type { Finding } from "./finding.ts";

const OWN = {
  listen: "127.0.0.1:11800",
  listening: true,
  onward: [{ name: "oap:11800", state: "ready", error: null }],
  files: {
    level: "mtls",
    certificate: { subject: "CN=web", notAfter: "2027-11-22T10:00:00Z" },
    problem: null,
  },
  store: { calls: 0, bytes: 0, losses: [], aside: 0 },
  trouble: null,
};
const TOLD = {
  toldAt: "2026-11-22T10:00:00Z",
  lostAt: null,
  listening: true,
  losses: [],
  places: [{ name: "central", state: "ready", code: "" }],
  trouble: null,
};
const REFUSED = { name: "oap:11800", state: "out", error: "Nothing listens there. Start it." };

const own = (change: object): readonly Finding[] =>
  judgeOwnEdge({ ...OWN, ...change }, "/data", TEST_NOW_MS);
const told = (change: object, state = "active"): readonly Finding[] =>
  examineToldEdge({ id: "1", name: "web", state, edge: { ...TOLD, ...change } }, TEST_NOW_MS);
const whats = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ severity, what }) => `${severity} ${what}`);

test("an edge that works has no finding, and neither has an agent without one", () => {
  assert.deepEqual([own({}), judgeOwnEdge({}, "/data", 0), told({})], [[], [], []]);
  assert.deepEqual(examineToldEdge({ id: "1", edge: null }, 0), []);
});

test("SWP-5: each thing that is wrong with a host's own edge is one finding, with cause and remedy", () => {
  const rows: readonly (readonly [object, string, RegExp])[] = [
    [
      {
        listening: false,
        trouble: { code: "a.b", text: "The store is foreign.", remedy: "Move it." },
      },
      "error The edge does not listen",
      /^The store is foreign\. Move it\.$/,
    ],
    [{ onward: [REFUSED] }, "error The edge cannot reach oap:11800", /Start it/],
    [
      { onward: [REFUSED, { name: "b:1", state: "ready", error: null }] },
      "warning The edge cannot reach oap:11800",
      /Start it/,
    ],
    [
      {
        files: { ...OWN.files, problem: { code: "x.y", text: "Half a key.", remedy: "Write it." } },
      },
      "error New certificate files are not in use: Half a key.",
      /^Write it\.$/,
    ],
    [
      {
        files: {
          ...OWN.files,
          certificate: { subject: "CN=web", notAfter: "2026-11-22T10:00:00Z" },
        },
      },
      "error A certificate has expired: 2026-11-22T10:00:00Z (3m ago)",
      /./,
    ],
    [
      { store: { ...OWN.store, aside: 2 } },
      "error Kept telemetry cannot be read: 2 files are set aside",
      /0600/,
    ],
  ];
  for (const [change, what, remedy] of rows) {
    const findings = own(change);
    assert.deepEqual(whats(findings), [what]);
    assert.match(findings[0]?.remedy ?? "", remedy);
  }
});

test("SWP-9: what an edge lost is one finding, summed over its clients, with a remedy for each reason", () => {
  const losses = [
    { client: "a", reason: "full", calls: 2 },
    { client: "b", reason: "full", calls: 1 },
    { client: "b", reason: "age", calls: 4 },
  ];
  const [finding, ...others] = own({ store: { ...OWN.store, losses } });
  assert.deepEqual(others, []);
  assert.equal(finding?.severity, "warning");
  assert.match(
    finding?.what ?? "",
    /: 3 because there was no room .*; 4 because they became too old/,
  );
  assert.match(finding?.remedy ?? "", /edge\.store\.maxBytes.*edge\.store\.maxAge/);
});

test("SWP-9: on central's host agents are named that lost telemetry within a day, and no others", () => {
  const losses = [{ reason: "unreadable", calls: 3 }];
  const [finding, ...others] = told({ losses, lostAt: "2026-11-22T10:00:00Z" });
  assert.deepEqual(others, []);
  assert.equal(finding?.severity, "warning");
  assert.match(finding?.what ?? "", /last 2026-11-22T10:00:00Z .*: 3 because the file/);
  assert.equal(finding?.where, "edge of agent 1 (web)");
  const old = new Date(TEST_NOW_MS - 24 * 3_600_000 - 1).toISOString();
  assert.deepEqual(told({ losses, lostAt: old }), []);
});

test("on central's host agents are named whose edge cannot reach anything or does not listen, with what to do", () => {
  const places = [{ name: "central", state: "out", code: "agent.edge_store_full" }];
  const [out] = told({ places });
  assert.equal(out?.what, "The edge cannot reach central");
  assert.equal(out?.severity, "error");
  assert.match(out?.remedy ?? "", /^agent\.edge_store_full: Let the agent reach central again/);
  const trouble = { code: "agent.edge_listen_failed", at: "2026-11-22T10:00:00Z" };
  const [deaf] = told({ listening: false, trouble });
  assert.equal(deaf?.what, "The edge does not listen");
  assert.match(deaf?.remedy ?? "", /^agent\.edge_listen_failed: Stop whatever listens there/);
  const [later] = told({ places: [{ name: "x", state: "out", code: "later.code" }] });
  assert.match(later?.remedy ?? "", /^later\.code: 'tautline agent status'/);
  assert.deepEqual(told({ places, listening: false }, "revoked"), []);
});

test("an edge without a central is not told that it has none", () => {
  const central = { addresses: [], connected: false, lastAnswerAt: null };
  const status = { running: true, state: "edge", central, vault: {}, edge: OWN };
  assert.deepEqual(judgeAgentStatus(status, "/data", TEST_NOW_MS), []);
});
