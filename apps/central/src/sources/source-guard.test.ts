import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFakeClock } from "@tautline/testing";
import { createSourceGuard, MAX_SOURCES } from "./source-guard.ts";

const LIMITS = { failedAttempts: 3, failedAttemptsWindow: 60_000 };
const HERE = "192.0.2.1";

const address = (at: number): string => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`;

describe("createSourceGuard", () => {
  it("looks at so many failed attempts from one source, and then says how long the next one waits", () => {
    const clock = createFakeClock();
    const guard = createSourceGuard(LIMITS, clock.now);
    for (let time = 0; time < 2; time += 1) guard.failed(HERE);
    assert.equal(guard.waitMs(HERE), undefined);
    clock.advance(1_000);
    guard.failed(HERE);
    assert.equal(guard.waitMs(HERE), 59_000);
    assert.equal(guard.waitMs("192.0.2.2"), undefined);
    clock.advance(59_000);
    assert.equal(guard.waitMs(HERE), undefined);
  });

  it("counts the whole /64 of an IPv6 address as one source", () => {
    const guard = createSourceGuard(LIMITS, createFakeClock().now);
    for (const host of [1, 2, 3]) guard.failed(`2001:db8:1:2::${host}`);
    assert.notEqual(guard.waitMs("2001:db8:1:2:ffff::9"), undefined);
    assert.equal(guard.waitMs("2001:db8:1:3::1"), undefined);
  });

  it("ranks a source with agents before others, and those that fail too often last", () => {
    const clock = createFakeClock();
    const guard = createSourceGuard(LIMITS, clock.now);
    assert.equal(guard.rankOf(HERE), "stranger");
    for (let time = 0; time < 3; time += 1) guard.failed(HERE);
    assert.equal(guard.rankOf(HERE), "suspect");
    guard.proved(HERE);
    assert.equal(guard.rankOf(HERE), "known");
    guard.failed("192.0.2.9");
    assert.equal(guard.rankOf("192.0.2.9"), "stranger");
  });

  it("A20: remembers so many sources and no more, the newest", () => {
    const guard = createSourceGuard({ ...LIMITS, failedAttempts: 1 }, createFakeClock().now);
    for (let at = 0; at <= MAX_SOURCES; at += 1) {
      guard.failed(address(at));
      guard.proved(address(at));
    }
    assert.equal(guard.waitMs(address(0)), undefined);
    assert.equal(guard.rankOf(address(0)), "stranger");
    assert.notEqual(guard.waitMs(address(1)), undefined);
    assert.equal(guard.rankOf(address(MAX_SOURCES)), "known");
  });
});
