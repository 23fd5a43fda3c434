import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFakeClock } from "@tautline/testing";
import { createLoginGuard, LOGIN_LIMITS, type LoginAttempt } from "./login-guard.ts";

const HERE = "192.0.2.1";
const ID = "0123456789abcdef";

function failTimes(
  guard: ReturnType<typeof createLoginGuard>,
  times: number,
  { remoteAddress, tokenId }: Partial<LoginAttempt>,
): void {
  for (let time = 0; time < times; time += 1) {
    guard.failed({ remoteAddress: remoteAddress ?? HERE, tokenId: tokenId ?? String(time) });
  }
}

describe("the guard of the logins", () => {
  it("RS-30: ten failures from one address are looked at, the next one waits, and says how long", () => {
    const clock = createFakeClock();
    const guard = createLoginGuard(clock.now);
    failTimes(guard, LOGIN_LIMITS.perSource - 1, { remoteAddress: HERE });
    assert.equal(guard.waitMs({ remoteAddress: HERE, tokenId: "x" }), undefined);
    clock.advance(1_000);
    guard.failed({ remoteAddress: HERE, tokenId: "x" });
    assert.equal(
      guard.waitMs({ remoteAddress: HERE, tokenId: "x" }),
      LOGIN_LIMITS.windowMs - 1_000,
    );
    assert.equal(guard.waitMs({ remoteAddress: "192.0.2.2", tokenId: "x" }), undefined);
    clock.advance(LOGIN_LIMITS.windowMs - 1_000);
    assert.equal(guard.waitMs({ remoteAddress: HERE, tokenId: "x" }), undefined);
  });

  it("failures for one token from many addresses lock it everywhere it was never right", () => {
    const guard = createLoginGuard(createFakeClock().now);
    guard.proved({ remoteAddress: HERE, tokenId: ID });
    for (let host = 1; host <= LOGIN_LIMITS.perToken; host += 1) {
      guard.failed({ remoteAddress: `198.51.100.${host}`, tokenId: ID });
    }
    const stranger = "203.0.113.9";
    assert.equal(guard.waitMs({ remoteAddress: stranger, tokenId: ID }), LOGIN_LIMITS.windowMs);
    assert.equal(guard.waitMs({ remoteAddress: stranger, tokenId: "f".repeat(16) }), undefined);
    assert.equal(guard.waitMs({ remoteAddress: HERE, tokenId: ID }), undefined);
  });

  it("a stranger behind the same address does not lock out whoever was right there", () => {
    const guard = createLoginGuard(createFakeClock().now);
    guard.proved({ remoteAddress: HERE, tokenId: ID });
    failTimes(guard, 100, { remoteAddress: HERE });
    assert.equal(guard.waitMs({ remoteAddress: HERE, tokenId: ID }), undefined);
    assert.notEqual(guard.waitMs({ remoteAddress: HERE, tokenId: "x" }), undefined);
  });

  const SAME: readonly (readonly [string, string, boolean])[] = [
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["2001:DB8:1:2::1", "2001:db8:1:2::2", true],
    ["::1", "::2", true],
    ["fe80::1%eth0", "fe80::2%eth1", true],
    ["::ffff:192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["unknown", "unknown", true],
  ];
  for (const [failing, asking, isSame] of SAME) {
    it(`${failing} and ${asking} are ${isSame ? "one source" : "two sources"}`, () => {
      const guard = createLoginGuard(createFakeClock().now);
      failTimes(guard, LOGIN_LIMITS.perSource, { remoteAddress: failing });
      assert.equal(guard.waitMs({ remoteAddress: asking, tokenId: "x" }) !== undefined, isSame);
    });
  }

  it("A20: remembers no more than its limit, and forgets the oldest first", () => {
    const limits = { windowMs: 60_000, perSource: 1, perToken: 1, maxRemembered: 2 };
    const guard = createLoginGuard(createFakeClock().now, limits);
    for (const remoteAddress of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) {
      guard.failed({ remoteAddress, tokenId: remoteAddress });
    }
    assert.equal(guard.waitMs({ remoteAddress: "192.0.2.1", tokenId: "192.0.2.1" }), undefined);
    assert.notEqual(guard.waitMs({ remoteAddress: "192.0.2.3", tokenId: "x" }), undefined);
    for (const tokenId of ["a", "b", "c"]) guard.proved({ remoteAddress: "192.0.2.3", tokenId });
    assert.notEqual(guard.waitMs({ remoteAddress: "192.0.2.3", tokenId: "a" }), undefined);
    assert.equal(guard.waitMs({ remoteAddress: "192.0.2.3", tokenId: "c" }), undefined);
  });

  it("a clock that is set back locks nobody for longer", () => {
    const clock = createFakeClock();
    const guard = createLoginGuard(clock.now);
    failTimes(guard, LOGIN_LIMITS.perSource, { remoteAddress: HERE });
    clock.advance(-3_600_000);
    assert.equal(guard.waitMs({ remoteAddress: HERE, tokenId: "x" }), undefined);
  });
});
