import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog } from "@tautline/daemon";
import { ACTS_WHEN_SHOWN, HOSTILE_TEXTS } from "@tautline/testing";
import { callAdmin, callSecure, withCentral } from "../fixture-central.test.ts";
import { type Core, makeJoiner, makeToken, joinWith, withCore } from "../fixture-core.test.ts";
import { createAgentSession } from "../control/agent-session.ts";
import { described, joinedCaller, messageOf, receipt } from "../control/fixture-messages.test.ts";
import { sessionDepsOf } from "../control/fixture-sessions.test.ts";
import { createRefusals } from "../control/refusals.ts";
import { formatAuditBody, MAX_AUDIT_DETAILS, MAX_AUDIT_TEXT } from "./audit-event.ts";

/** With 16 facts whose names and values are at their longest. */
const LONGEST_BODY = 2 * (MAX_AUDIT_DETAILS + 2) * (MAX_AUDIT_TEXT + 16) * 2;

async function bodiesOf(core: Core): Promise<string[]> {
  const rows = await core.store.read((db) => db.selectFrom("audit").select("body").execute());
  return rows.map(({ body }) => body);
}

function assertInert(line: string): void {
  assert.equal(ACTS_WHEN_SHOWN.test(line), false, JSON.stringify(line.slice(0, 200)));
  JSON.parse(line);
}

describe("A27: text from elsewhere", () => {
  for (const text of HOSTILE_TEXTS) {
    const name = JSON.stringify(text.slice(0, 24));

    it(`stays one line, inert and bounded in the trail: ${name}`, () =>
      withCore(async (core) => {
        const caller = await joinedCaller(core);
        const token = await makeToken(core);
        const joiner = makeJoiner();
        const request = { ...joiner.request, name: text, agentVersion: text };
        await joinWith(core, token, request).catch(() => undefined);
        const session = createAgentSession(sessionDepsOf(core), caller);
        const attributes = {
          "service.version": text.slice(0, 2_000),
          "host.name": text.slice(0, 2_000),
        };
        for (const fields of [
          described(attributes),
          receipt(1n, ""),
          { customMessage: { capability: text } },
        ]) {
          await session.receive(messageOf(caller.agent.id, 1, fields)).catch(() => undefined);
        }
        const refusals = createRefusals({
          audit: core.audit,
          history: core.history.recorder,
          log: createLog("central", "error", { write: () => {} }),
          metrics: core.metrics,
          now: core.clock.now,
        });
        const { evidence } = caller;
        await refusals.note(new Error(text), { evidence, remoteAddress: text, agentId: text });
        await core.audit.record({
          action: "link.refused",
          actor: text,
          subject: text,
          detail: { [text]: text },
        });
        for (const body of await bodiesOf(core)) {
          assertInert(body);
          assert.ok(body.length <= LONGEST_BODY);
        }
        assert.equal((await core.trail.verify()).ok, true);
      }));
  }

  it("stays inert in what a running central logs and answers, in whichever field of a request it stands", () =>
    withCentral(async (central) => {
      for (const text of HOSTILE_TEXTS) {
        const part = text.slice(0, 2_000).toWellFormed();
        const path = encodeURIComponent(part);
        const answers = [
          await callAdmin(central, "POST", "/api/v1/operators", { name: part, role: "viewer" }),
          await callAdmin(central, "POST", "/api/v1/tokens", { namespace: part, [part]: part }),
          await callAdmin(central, "POST", "/api/v1/namespaces", { name: part }),
          await callAdmin(central, "PUT", "/api/v1/settings", { key: part, value: part }),
          await callAdmin(central, "POST", `/api/v1/agents/${path}/revoke`),
          await callAdmin(central, "GET", `/api/v1/links?agent=${path}`),
          await callSecure({
            port: central.agentsPort,
            path: "/v1/opamp",
            headers: {
              "user-agent": Buffer.from(part)
                .toString("latin1")
                .replace(/[^\x20-\x7e\x80-\xff]/g, "\t"),
              authorization: `Bearer ${path}`,
            },
          }),
        ];
        for (const { status, text: answer } of answers) {
          assert.ok(status >= 400 || status === 200, String(status));
          assert.ok(answer.length < 20_000);
        }
      }
      for (const line of central.lines) assertInert(JSON.stringify(line));
      const trail = await callAdmin(central, "GET", "/api/v1/audit?limit=10000");
      for (const item of (JSON.parse(trail.text) as { items: unknown[] }).items) {
        assertInert(JSON.stringify(item));
      }
    }));

  it("promise 5: facts beyond the limit of an entry are left out", () => {
    const detail = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`f${at}`, at]));
    const event = { action: "link.refused", actor: "a", subject: "b", detail } as const;
    const body = JSON.parse(formatAuditBody(1, 0, event)) as { detail: object };
    assert.equal(Object.keys(body.detail).length, MAX_AUDIT_DETAILS);
  });
});
