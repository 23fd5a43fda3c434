import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { startStandInCentral, withTempFolder, type StandInBehaviour } from "@tautline/testing";
import { runSwarm, type RunSwarmOptions } from "./main.ts";
import type { SwarmReport } from "./swarm-report.ts";

async function run(
  change: Partial<RunSwarmOptions>,
  behaviour: StandInBehaviour = {},
): Promise<{ code: number; text: string }> {
  const central = await startStandInCentral({ behaviour });
  let text = "";
  try {
    const options = {
      agents: 3,
      to: central.address,
      token: central.makeToken(),
      durationMs: 1_000,
      intervalMs: 100,
      ...change,
    };
    const code = await runSwarm(options, {
      write: (more) => (text += more),
      isTerminal: false,
      signal: new AbortController().signal,
    });
    return { code, text };
  } finally {
    await central.close();
  }
}

test("a swarm ends by itself, with one JSON document and a ledger of as many lines as it counts", () =>
  withTempFolder(async (folder) => {
    const ledger = join(folder, "ledger");
    const { code, text } = await run({ json: true, ledger });
    assert.equal(code, 0);
    const report = JSON.parse(text) as SwarmReport;
    assert.deepEqual(report.agents, { asked: 3, joined: 3, connected: 3, lost: 0 });
    assert.ok(report.messages.acknowledged >= 3);
    assert.ok((report.answers.p99Ms ?? 0) >= (report.answers.p50Ms ?? 0));
    assert.equal(report.ledger, ledger);
    const lines = readFileSync(ledger, "utf8").trimEnd().split("\n");
    assert.equal(lines.length, report.messages.acknowledged);
  }));

test("people get lines", async () => {
  const { text } = await run({});
  assert.match(text, /^agents +3 of 3 joined, 0 refused for good$/m);
  assert.match(text, /^messages +\d+ sent, \d+ acknowledged \([\d.]+\/s\)$/m);
  assert.doesNotMatch(text, /^ledger/m);
});

test("a swarm whose agents are refused ends with 1 and counts why", async () => {
  const { code, text } = await run({ json: true }, { refuse: () => ({ status: 401 }) });
  assert.equal(code, 1);
  const { agents, joins, errors } = JSON.parse(text) as SwarmReport;
  assert.deepEqual(agents, { asked: 3, joined: 0, connected: 0, lost: 3 });
  assert.equal(joins.perSecond, null);
  assert.deepEqual(errors, { "link.refused": 3 });
});

test("a ledger that is there already stops it before anything is dialled", () =>
  withTempFolder(async (folder) => {
    const ledger = join(folder, "ledger");
    await run({ ledger, json: true });
    await assert.rejects(run({ ledger }), (error) => {
      return isTautlineError(error) && error.code === "swarm.ledger_failed";
    });
  }));
