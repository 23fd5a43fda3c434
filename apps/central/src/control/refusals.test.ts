import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog, type Logger } from "@tautline/daemon";
import { type LinkEvidence, TautlineError } from "@tautline/protocol";
import { actionsOf, type Core, mutualEvidence, withCore } from "../fixture-core.test.ts";
import {
  createRefusals,
  type RefusedCaller,
  type Refusals,
  STRANGERS_LOG_LINES,
} from "./refusals.ts";

const AGENT = "0190a000-0000-7000-8000-000000000001";
const proven = mutualEvidence(`spiffe://default.fleet.test/agent/${AGENT}`, "aa");
const unproven: LinkEvidence = {
  ...proven,
  level: "tls",
  clientProven: false,
  peerId: null,
  peerSerial: null,
};
const stranger: RefusedCaller = { evidence: unproven, remoteAddress: "192.0.2.1" };
const agent: RefusedCaller = { evidence: proven, remoteAddress: "192.0.2.2" };
const joining: RefusedCaller = { ...stranger, token: { id: "t1" }, agentId: AGENT };

interface Ground {
  readonly core: Core;
  readonly refusals: Refusals;
  readonly lines: Record<string, unknown>[];
}

function logTo(lines: Record<string, unknown>[]): Logger {
  const write = (line: string): void =>
    void lines.push(JSON.parse(line) as Record<string, unknown>);
  return createLog("central", "info", { write });
}

const withRefusals = (use: (ground: Ground) => Promise<void>): Promise<void> =>
  withCore(async (core) => {
    const lines: Record<string, unknown>[] = [];
    const { audit, metrics, clock } = core;
    const { recorder: history } = core.history;
    const log = logTo(lines);
    const refusals = createRefusals({ audit, history, metrics, log, now: clock.now });
    await use({ core, refusals, lines });
  });

const unknown = (): TautlineError => new TautlineError("enrolment.token_unknown");

describe("Refusals", () => {
  it("counts every one by its code", () =>
    withRefusals(async ({ core, refusals }) => {
      for (let at = 0; at < 100; at += 1) await refusals.note(unknown(), stranger);
      await refusals.note(new TautlineError("opamp.not_your_id"), agent);
      await refusals.note(new Error("x"), stranger);
      const { values } = await core.metrics.refusals.get();
      assert.deepEqual(
        values.map(({ labels, value }) => [labels.code, value]),
        [
          ["enrolment.token_unknown", 100],
          ["opamp.not_your_id", 1],
          ["internal.unexpected", 1],
        ],
      );
    }));

  it("A20: writes nothing of strangers to the database and few lines to the log, then how many more there were", () =>
    withRefusals(async ({ core, refusals, lines }) => {
      const before = await actionsOf(core);
      for (let at = 0; at < 500; at += 1) {
        await refusals.note(unknown(), { ...stranger, remoteAddress: `192.0.2.${at % 250}` });
      }
      assert.deepEqual(await actionsOf(core), before);
      assert.equal(lines.length, STRANGERS_LOG_LINES);
      assert.equal(lines[0]?.["code"], "enrolment.token_unknown");
      assert.equal(lines[0]?.["from"], "192.0.2.0");
      core.clock.advance(60_000);
      await refusals.note(unknown(), stranger);
      assert.equal(lines.at(-1)?.["unlogged"], 500 - STRANGERS_LOG_LINES);
    }));

  it("audits a proven agent's, the same once a minute", () =>
    withRefusals(async ({ core, refusals, lines }) => {
      const skip = (await actionsOf(core)).length;
      const notYours = new TautlineError("opamp.not_your_id", { detail: { claimed: "x" } });
      for (let at = 0; at < 5; at += 1) await refusals.note(notYours, agent);
      await refusals.note(new TautlineError("opamp.malformed"), agent);
      core.clock.advance(60_000);
      await refusals.note(notYours, agent);
      const entries = (await core.audit.list({ limit: 100 })).slice(skip);
      assert.deepEqual(
        entries.map(({ action, actor, subject, detail }) => [
          action,
          actor,
          subject,
          detail?.["code"],
          detail?.["from"],
        ]),
        ["opamp.not_your_id", "opamp.malformed", "opamp.not_your_id"].map((code) => [
          "link.refused",
          `agent:${AGENT}`,
          "central",
          code,
          "192.0.2.2",
        ]),
      );
      assert.equal(lines.length, 3);
    }));

  it("audits a proven token's, with the agent it asked for", () =>
    withRefusals(async ({ core, refusals }) => {
      const skip = (await actionsOf(core)).length;
      await refusals.note(new TautlineError("enrolment.token_used_up"), joining);
      const { agentId: _, ...silent } = joining;
      await refusals.note(new TautlineError("enrolment.token_revoked"), silent);
      const entries = (await core.audit.list({ limit: 100 })).slice(skip);
      assert.deepEqual(
        entries.map(({ action, actor, subject }) => [action, actor, subject]),
        [
          ["token.refused", "token:t1", `agent:${AGENT}`],
          ["token.refused", "token:t1", "central"],
        ],
      );
    }));

  it("stays a refusal when it cannot be written down", () =>
    withRefusals(async ({ core, refusals, lines }) => {
      await core.store.close();
      await refusals.note(new TautlineError("opamp.not_your_id"), agent);
      assert.equal(lines.at(-1)?.["msg"], "a refusal was not audited");
      assert.equal(lines.at(-1)?.["level"], "error");
    }));

  it("does not fail over a peer whose name cannot be read", () =>
    withRefusals(async ({ refusals, lines }) => {
      const odd = { ...agent, evidence: { ...proven, peerId: "not a name" } };
      await refusals.note(new TautlineError("opamp.malformed"), odd);
      assert.equal(lines.at(-1)?.["level"], "error");
    }));

  it("logs what went wrong inside as an error with its cause, and no secret", () =>
    withRefusals(async ({ refusals, lines }) => {
      await refusals.note(new Error("inside"), stranger);
      assert.equal(lines[0]?.["level"], "error");
      const err = lines[0]?.["err"] as { cause?: { message?: string } };
      assert.equal(err.cause?.message, "inside");
    }));

  it("A20: shares a stranger's few lines with connections that failed before anybody could speak", () =>
    withRefusals(async ({ core, refusals, lines }) => {
      const failed = new TautlineError("link.not_tls", { detail: { address: "192.0.2.1:5" } });
      for (let at = 0; at < STRANGERS_LOG_LINES; at += 1)
        refusals.noteFailed(failed, "192.0.2.1:5", "192.0.2.1");
      await refusals.note(unknown(), stranger);
      assert.equal(lines.length, STRANGERS_LOG_LINES);
      assert.deepEqual([lines[0]?.["code"], lines[0]?.["level"]], ["link.not_tls", "warn"]);
      const { values } = await core.metrics.refusals.get();
      assert.equal(values.find(({ labels }) => labels.code === "link.not_tls")?.value, 60);
    }));

  it("counts a connection that failed to the caller's network, whatever its port", () =>
    withRefusals(async ({ core, refusals }) => {
      const failed = new TautlineError("link.not_tls", { detail: { address: "x" } });
      refusals.noteFailed(failed, "192.0.2.1:5", "192.0.2.1");
      refusals.noteFailed(failed, "[::ffff:192.0.2.9]:5", "::ffff:192.0.2.9");
      await core.history.recorder.flush("everything");
      const [one, ...others] = await core.history.strangersSince(0);
      assert.deepEqual([one?.network, one?.attempts, others], ["192.0.2.0/24", 2, []]);
    }));
});
