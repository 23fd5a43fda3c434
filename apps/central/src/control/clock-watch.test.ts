import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "@tautline/daemon";
import { LIMITS } from "@tautline/protocol";
import type { AuditEvent } from "../audit/audit-event.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import { createClockWatch } from "./clock-watch.ts";

const LIMIT = LIMITS.clockToleranceMs.value;

test("F8: an agent's clock beyond the tolerance is logged and audited once an hour, each agent for itself", async () => {
  let nowMs = 0;
  const logged: string[] = [];
  const audited: AuditEvent[] = [];
  const audit = {
    record: async (event: AuditEvent) => void audited.push(event),
  } as unknown as AuditLog;
  const log = createLog("central", "info", { write: (line) => void logged.push(line) });
  const watch = createClockWatch({ audit, log, now: () => nowMs });
  await watch.note("a", LIMIT, "192.0.2.1");
  await watch.note("a", -LIMIT, "192.0.2.1");
  assert.deepEqual(audited, []);
  await watch.note("a", -7_380_000, "192.0.2.1");
  await watch.note("a", -7_380_000, "192.0.2.1");
  await watch.note("b", LIMIT + 1000, "192.0.2.2");
  assert.deepEqual(
    audited.map(({ action, subject, detail }) => [action, subject, detail]),
    [
      ["agent.clock-off", "agent:a", { seconds: -7380, from: "192.0.2.1" }],
      ["agent.clock-off", "agent:b", { seconds: 301, from: "192.0.2.2" }],
    ],
  );
  assert.match(logged[0] ?? "", /an agent's clock is 2 h 3 min behind central's/);
  nowMs = 3_600_001;
  await watch.note("a", -7_380_000, "192.0.2.1");
  assert.equal(audited.length, 3);
});
