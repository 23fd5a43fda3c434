import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTimestamp, LIMITS, type TautlineError } from "@tautline/protocol";
import { createManualClock, type ManualClock } from "../../test/manual-clock.ts";
import { createCentralClock, type CentralClock } from "./central-clock.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Scene {
  readonly host: ManualClock;
  readonly told: TautlineError[];
  readonly central: CentralClock;
}

function scene(): Scene {
  const host = createManualClock();
  const told: TautlineError[] = [];
  return { host, told, central: createCentralClock(host, (error) => told.push(error)) };
}

/** One exchange with a central whose clock is ahead of this host's real time by so much. */
function exchange({ host, central }: Scene, aheadMs: number, tripMs = 0): void {
  const question = central.ask();
  host.advance(tripMs / 2);
  const there = formatTimestamp(host.now() + aheadMs);
  host.advance(tripMs / 2);
  question.answered({ "tautline-time": there });
}

test("the request tells this host's time; before any answer nothing is known of central's", () => {
  const { central, host, told } = scene();
  assert.deepEqual(central.ask().headers, { "tautline-time": formatTimestamp(host.now()) });
  assert.equal(central.offsetMs, undefined);
  assert.equal(central.now(), host.now());
  assert.deepEqual(told, []);
});

test("F8: the offset is known to within half of the round trip, and goes on without further answers", () => {
  const one = scene();
  exchange(one, 7_380_000, 4_000);
  assert.equal(one.central.offsetMs, 7_380_000);
  one.host.advance(DAY_MS);
  assert.equal(one.central.offsetMs, 7_380_000);
  assert.equal(one.central.now(), one.host.now() + 7_380_000);
});

test("F8: beyond the tolerance it is named with distance, direction and both times, once until it changes", () => {
  const limit = LIMITS.clockToleranceMs.value;
  const one = scene();
  exchange(one, limit);
  assert.equal(one.told.length, 0);
  exchange(one, limit + 1);
  exchange(one, limit + 60_000);
  assert.equal(one.told.length, 1);
  exchange(one, 7_380_000);
  const here = formatTimestamp(one.host.now());
  const there = formatTimestamp(one.host.now() + 7_380_000);
  assert.equal(
    one.told[1]?.message,
    `This host's clock is 2 h 3 min behind central's: here ${here}, at central ${there}.`,
  );
  exchange(one, 0);
  exchange(one, -30 * DAY_MS);
  assert.match(one.told[2]?.message ?? "", /clock is 30 d ahead of central's/);
});

test("F8: a host clock set back or forth in mid-session moves the offset, not the time that renewals are planned by", () => {
  for (const jumpMs of [-HOUR_MS, HOUR_MS, -30 * DAY_MS]) {
    const one = scene();
    exchange(one, 1_000);
    const before = one.central.now();
    one.host.set(jumpMs);
    assert.equal(one.central.now(), before);
    assert.equal(one.central.offsetMs, 1_000 - jumpMs);
    one.host.advance(500);
    assert.equal(one.central.now(), before + 500);
  }
});

test("an answer without a time, or with nonsense for one, changes nothing", () => {
  const one = scene();
  exchange(one, 5_000);
  for (const header of ["", "now", "2026-01-01"]) {
    one.central.ask().answered({ "tautline-time": header });
  }
  one.central.ask().answered({});
  assert.equal(one.central.offsetMs, 5_000);
});
