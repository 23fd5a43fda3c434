import assert from "node:assert/strict";
import { test } from "node:test";
import { EDGE_LOSS_REASONS } from "@tautline/protocol";
import { edgeStatusLines, lossText, toldEdgeLines } from "./edge-text.ts";
import { renderPage } from "./table.ts";
import { TEST_NOW_MS } from "./test-world.ts";

const plain = (_style: string, text: string): string => text;

test("every reason for which an edge loses calls has words, and one of a later version is shown as it is", () => {
  for (const reason of EDGE_LOSS_REASONS) assert.notEqual(lossText(reason), reason);
  assert.equal(lossText("moonlight"), "moonlight");
});

test("the host's own page names the certificate in use with its end, what hinders the next, what is set aside and the last trouble", () => {
  const edge = {
    listen: "127.0.0.1:11800",
    listening: true,
    files: {
      level: "mtls",
      certificate: { subject: "CN=web", notAfter: "2026-11-23T10:03:15Z" },
      problem: { code: "files.pair_mismatch", text: "The pair does not fit.", remedy: "Mend it." },
    },
    store: { calls: 0, bytes: 0, losses: [], aside: 1 },
    trouble: { at: "2026-11-22T10:00:00Z", code: "a.b", text: "It broke." },
  };
  const page = renderPage(edgeStatusLines(edge, TEST_NOW_MS), plain);
  for (const line of [
    /^edge's certificate +CN=web, ends 2026-11-23T10:03:15Z \(in 1d\)$/m,
    /^ +not in use: The pair does not fit\.$/m,
    /^edge set aside +1 file of kept calls/m,
    /^edge's last trouble +a\.b at 2026-11-22T10:00:00Z: It broke\.$/m,
  ]) {
    assert.match(page, line);
  }
  const tls = { ...edge, files: { level: "tls", certificate: null, problem: null } };
  const other = renderPage(edgeStatusLines(tls, TEST_NOW_MS), plain);
  assert.match(other, /^edge's certificate +none is shown \(level tls\)$/m);
});

test("SWP-9: central's page says what an agent told of its edge: reach, kept, lost and since when", () => {
  const edge = {
    toldAt: "2026-11-22T10:00:00Z",
    lostAt: "2026-11-22T09:00:00Z",
    listening: true,
    calls: 12,
    failed: 2,
    kept: 5,
    delivered: 3,
    waitingCalls: 2,
    waitingBytes: 700,
    losses: [{ reason: "age", calls: 4 }],
    places: [{ name: "central", state: "out", code: "link.refused" }],
    trouble: { code: "agent.edge_away", at: "2026-11-22T09:30:00Z" },
  };
  const page = renderPage(toldEdgeLines(edge, TEST_NOW_MS), plain);
  for (const line of [
    /^edge +listens, 12 calls, 2 failed; told 2026-11-22T10:00:00Z \(3m ago\)$/m,
    /^edge to +central out: link\.refused$/m,
    /^edge keeps +2 calls in 700 bytes; 5 were kept, 3 delivered$/m,
    /^edge lost +4 calls: they became too old/m,
    /^edge lost last +2026-11-22T09:00:00Z/m,
    /^edge's last trouble +agent\.edge_away at 2026-11-22T09:30:00Z$/m,
  ]) {
    assert.match(page, line);
  }
  assert.deepEqual(toldEdgeLines({}, TEST_NOW_MS), []);
});
