import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { leafValidity } from "./leaf-validity.ts";

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 10, 22, 10, 0, 0);
const issuer = (fromMs: number, toMs: number) => ({
  validFromDate: new Date(fromMs),
  validToDate: new Date(toMs),
});

const rows: {
  name: string;
  now?: number;
  lifetime: number;
  issuer: ReturnType<typeof issuer>;
  from: number;
  to: number;
}[] = [
  {
    name: "begins five minutes ago and ends after its life",
    lifetime: 60 * MINUTE,
    issuer: issuer(NOW - 100 * MINUTE, NOW + 100 * MINUTE),
    from: NOW - 5 * MINUTE,
    to: NOW + 60 * MINUTE,
  },
  {
    name: "begins no earlier than its issuer",
    lifetime: 60 * MINUTE,
    issuer: issuer(NOW - 2 * MINUTE, NOW + 100 * MINUTE),
    from: NOW - 2 * MINUTE,
    to: NOW + 60 * MINUTE,
  },
  {
    name: "ends no later than its issuer",
    lifetime: 60 * MINUTE,
    issuer: issuer(NOW - 100 * MINUTE, NOW + 10 * MINUTE),
    from: NOW - 5 * MINUTE,
    to: NOW + 10 * MINUTE,
  },
  {
    name: "is cut to whole seconds, which is all X.509 can say",
    now: NOW + 999,
    lifetime: 60 * MINUTE,
    issuer: issuer(NOW - 100 * MINUTE, NOW + 100 * MINUTE),
    from: NOW - 5 * MINUTE,
    to: NOW + 60 * MINUTE,
  },
];

describe("leafValidity", () => {
  for (const { name, now = NOW, lifetime, issuer: above, from, to } of rows) {
    it(name, () => {
      const { notBefore, notAfter } = leafValidity(now, lifetime, above);
      assert.deepEqual([notBefore.getTime(), notAfter.getTime()], [from, to]);
    });
  }

  it("never reaches outside its issuer's, whatever the times", () => {
    const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
    fc.assert(
      fc.property(seconds, seconds, fc.nat(), fc.nat(), (from, life, at, lifetime) => {
        const above = issuer(from * 1_000, (from + life) * 1_000);
        const { notBefore, notAfter } = leafValidity(from * 1_000 + at, lifetime, above);
        assert.ok(notBefore >= above.validFromDate && notAfter <= above.validToDate);
      }),
    );
  });
});
