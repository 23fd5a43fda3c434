import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { type CentralConfig, loadCentralConfig } from "../config.ts";
import { createMetrics } from "../metrics.ts";
import { createHerd, type Herd } from "./herd.ts";

const HERE = "192.0.2.1";

function open(
  change: Partial<CentralConfig["admission"]> = {},
  random = (): number => 0.5,
): { readonly herd: Herd; readonly text: () => Promise<string> } {
  const config = loadCentralConfig(undefined);
  const admission = { ...config.admission, ...change };
  const metrics = createMetrics();
  const herd = createHerd({ config: { admission }, metrics, now: () => 0, random });
  return { herd, text: () => metrics.registry.metrics() };
}

function refusalFrom(work: () => unknown): TautlineError {
  try {
    work();
  } catch (error) {
    assert.ok(isTautlineError(error));
    return error;
  }
  throw new Error("nothing was refused");
}

/** A piece of work that ends when it is told to. */
function heldWork(): { readonly work: () => Promise<string>; readonly end: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { work: () => promise, end: () => resolve("done") };
}

describe("the queue of enrolments", () => {
  it("does so many at once, then the others in turn, and gives each its own result", async () => {
    const { herd, text } = open({ enrolmentsAtOnce: 1, enrolmentsWaiting: 1 });
    const first = heldWork();
    const begun: string[] = [];
    const one = herd.enrolments.inTurn(HERE, first.work);
    const two = herd.enrolments.inTurn(HERE, async () => {
      begun.push("two");
      return 2;
    });
    assert.match(await text(), /tautline_queue_waiting\{queue="enrolments"\} 1\n/);
    assert.deepEqual(begun, []);
    first.end();
    assert.deepEqual(await Promise.all([one, two]), ["done", 2]);
    assert.match(await text(), /tautline_queue_begun_total\{queue="enrolments"\} 2\n/);
  });

  it("refuses one more by its code, with when to come back, before and at the work", async () => {
    const { herd, text } = open({ enrolmentsAtOnce: 1, enrolmentsWaiting: 0 });
    const first = heldWork();
    herd.enrolments.requireRoom(HERE);
    const one = herd.enrolments.inTurn(HERE, first.work);
    const early = refusalFrom(() => herd.enrolments.requireRoom(HERE));
    assert.equal(early.code, "central.busy");
    assert.equal(early.status, 503);
    assert.deepEqual(early.detail, { retryAfterMs: 1_000, retryAfterSeconds: 1 });
    await assert.rejects(
      herd.enrolments.inTurn(HERE, async () => assert.fail("it was done all the same")),
      { code: "central.busy" },
    );
    assert.match(await text(), /tautline_queue_refused_total\{queue="enrolments"\} 2\n/);
    first.end();
    await one;
    herd.enrolments.requireRoom(HERE);
  });

  it("goes on after a work that failed", async () => {
    const { herd } = open({ enrolmentsAtOnce: 1, enrolmentsWaiting: 0 });
    const failure = new TautlineError("enrolment.token_used_up");
    await assert.rejects(
      herd.enrolments.inTurn(HERE, () => Promise.reject(failure)),
      failure,
    );
    assert.equal(await herd.enrolments.inTurn(HERE, async () => 1), 1);
  });
});

describe("the queue of handshakes", () => {
  it("lets a source with agents go before one that fails too often", () => {
    const { herd } = open({ handshakesAtOnce: 1, failedAttempts: 1 });
    const told: string[] = [];
    const enter = (remoteAddress: string): (() => void) =>
      herd.handshakes.enter({
        remoteAddress,
        begin: () => void told.push(remoteAddress),
        refuse: () => void told.push(`${remoteAddress} refused`),
      });
    herd.sources.failed("192.0.2.66");
    herd.sources.proved("192.0.2.7");
    const leave = [enter(HERE), enter("192.0.2.66"), enter("192.0.2.7")];
    leave[0]?.();
    leave[2]?.();
    assert.deepEqual(told, [HERE, "192.0.2.7", "192.0.2.66"]);
  });

  it("F14: cuts whoever comes when as many wait as may", () => {
    const { herd } = open({ handshakesAtOnce: 1, handshakesWaiting: 1 });
    let refused = 0;
    for (let caller = 0; caller < 100; caller += 1) {
      herd.handshakes.enter({
        remoteAddress: `10.0.0.${caller}`,
        begin: () => {},
        refuse: () => void (refused += 1),
      });
    }
    assert.equal(refused, 98);
  });
});

describe("the good-bye", () => {
  const rows = [
    { links: 1, random: 0.5, retryAfterMs: 500 },
    { links: 1_000, random: 0, retryAfterMs: 0 },
    { links: 1_000, random: 0.999, retryAfterMs: 9_990 },
    { links: 5_000, random: 0.5, retryAfterMs: 25_000 },
  ];
  for (const { links, random, retryAfterMs } of rows) {
    it(`F9: tells one of ${links} links to come back after ${retryAfterMs} ms by chance ${random}`, () => {
      const { herd } = open({}, () => random);
      const goodbye = herd.goodbye(links);
      assert.deepEqual([goodbye.code, goodbye.detail], ["central.stopping", { retryAfterMs }]);
    });
  }
});
