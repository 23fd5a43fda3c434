import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError } from "@tautline/protocol";
import { createMetrics } from "../../metrics.ts";
import { createSightings } from "../sightings.ts";
import { type BeyondClaim, createClaimReport } from "./claim-report.ts";

const claim = (claimed: string): TautlineError =>
  new TautlineError("receiver.claim_refused", {
    detail: { kind: "service", claimed, backend: "oap", who: "client:shop" },
  });

function report() {
  const lines: Record<string, unknown>[] = [];
  let nowMs = 1_000;
  const now = (): number => nowMs;
  const metrics = createMetrics();
  const sightings = createSightings(now);
  const log = { warn: (facts: object) => void lines.push({ ...facts }) };
  const made = createClaimReport({ metrics, sightings, log: log as never, now });
  const note = (claimed: string, changes: Partial<BeyondClaim> = {}): void =>
    made.note({
      error: claim(claimed),
      backend: "oap",
      mode: "log",
      claimant: "client:shop",
      remoteAddress: "192.0.2.1",
      ...changes,
    });
  const pass = (ms: number): void => void (nowMs += ms);
  return { lines, metrics, sightings, note, pass };
}

test("the same claim of the same claimant is one line a day, whoever else claims it another", () => {
  const { lines, note, pass } = report();
  note("victim");
  note("victim");
  note("victim", { claimant: "client:other" });
  note("second");
  assert.deepEqual(
    lines.map(({ claimant, claimed }) => [claimant, claimed]),
    [
      ["client:shop", "service 'victim'"],
      ["client:other", "service 'victim'"],
      ["client:shop", "service 'second'"],
    ],
  );
  pass(24 * 3_600_000);
  note("victim");
  assert.equal(lines.length, 4);
});

test("A20: names that are made up by the thousand get sixty lines a minute, and each is counted", async () => {
  const { lines, metrics, sightings, note } = report();
  for (let index = 0; index < 1_000; index += 1) note(`made-up-${index}`);
  assert.equal(lines.length, 60);
  const text = await metrics.registry.getSingleMetricAsString("tautline_receiver_claims_total");
  assert.match(text, /backend="oap",verdict="logged"} 1000/);
  assert.equal(sightings.claims().length, 200);
});

test("what is refused is counted and remembered, and logged where every refusal is", async () => {
  const { lines, metrics, sightings, note } = report();
  note("victim", { mode: "refuse" });
  assert.deepEqual(lines, []);
  const text = await metrics.registry.getSingleMetricAsString("tautline_receiver_claims_total");
  assert.match(text, /backend="oap",verdict="refused"} 1/);
  assert.equal(sightings.claims()[0]?.isRefused, true);
});

test("what could not be read says why", () => {
  const { lines, note } = report();
  const detail = { backend: "oap", reason: "it is damaged" };
  note("", { error: new TautlineError("receiver.claim_unreadable", { detail }) });
  assert.equal(lines[0]?.["claimed"], "unreadable: it is damaged");
});
