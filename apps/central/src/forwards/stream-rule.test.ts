import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import type { Principal } from "../operators/principal.ts";
import type { ForwardAllowance } from "./allowance.ts";
import { aStream } from "./fixture-streams.test.ts";
import { judgeRunning, requireRoom } from "./stream-rule.ts";

const AGENT = "0197d3b1-7c00-7abc-8def-0123456789ab";
const allowance = {
  name: "db",
  direction: "out",
  operatorRole: null,
  namespace: "default",
  agent: null,
  target: "db.example:5432",
  alsoLocal: false,
  proxyProtocol: false,
  idleMs: 1_000,
  totalMs: 2_000,
  maxStreams: 2,
  createdAt: "2026-01-01T00:00:00Z",
  createdBy: "operator:ana",
} as const satisfies ForwardAllowance;
const running = (wanted: string | null) => aStream({ agentId: AGENT, wanted });
const noService = (): never => {
  throw new TautlineError("forward.service_not_allowed", { detail: { name: "db", id: AGENT } });
};
const allowing = (target: string) => ({
  forwardFor: () => ({ ...allowance, target }),
  serviceFor: noService,
});

describe("a stream beyond the limit of its forward", () => {
  for (const [count, isRefused] of [
    [0, false],
    [1, false],
    [2, true],
    [3, true],
  ] as const) {
    it(`is ${isRefused ? "refused" : "let in"} where ${count} of 2 run`, () => {
      if (!isRefused) return requireRoom(count, allowance);
      assert.throws(
        () => requireRoom(count, allowance),
        (error) =>
          isTautlineError(error) &&
          error.code === "forward.too_many" &&
          error.detail["limit"] === 2,
      );
    });
  }
});

describe("a running stream, when allowances have changed", () => {
  it("goes on where its forward leads to the same target", () => {
    assert.equal(judgeRunning(allowing("db.example:5432"), running("db.example:5432")), undefined);
  });

  it("goes on where it was not looked up yet: it is judged by what holds then", () => {
    assert.equal(judgeRunning(allowing("other.example:1"), running(null)), undefined);
  });

  it("ends where its forward leads elsewhere now", () => {
    const reason = judgeRunning(allowing("other.example:1"), running("db.example:5432"));
    assert.equal(reason?.code, "forward.not_allowed");
    assert.deepEqual(reason.detail, { name: "db", id: AGENT });
  });

  it("ends with the book's own reason where nothing is allowed any more", () => {
    const detail = { name: "db", id: AGENT };
    const refusal = new TautlineError("forward.not_allowed", { detail });
    const book = {
      serviceFor: noService,
      forwardFor: () => {
        throw refusal;
      },
    };
    assert.equal(judgeRunning(book, running("db.example:5432")), refusal);
  });

  it("is not ended for a mistake of ours", () => {
    const book = {
      serviceFor: noService,
      forwardFor: () => {
        throw new RangeError("ours");
      },
    };
    assert.throws(() => judgeRunning(book, running(null)), RangeError);
  });
});

const opened = (role: Principal["role"]) =>
  aStream({ agentId: AGENT, operator: { name: "ana", role, namespace: "default" } });
const forwardFor = (): never => {
  throw new RangeError("what agents may reach has no say in it");
};

describe("a running stream that an operator opened", () => {
  const cases: [has: Principal["role"], needs: "operator" | "admin" | null, code?: string][] = [
    ["operator", "operator"],
    ["admin", "operator"],
    ["admin", "admin"],
    ["operator", "admin", "api.forbidden"],
    ["viewer", "operator", "api.forbidden"],
    ["admin", null, "api.forbidden"],
  ];
  for (const [has, needs, code] of cases) {
    it(`by a role ${has} ${code === undefined ? "goes on" : "ends"} where ${needs ?? "no role"} is asked for now`, () => {
      const service: ForwardAllowance = {
        ...allowance,
        direction: "in",
        target: null,
        operatorRole: needs,
      };
      const book = { forwardFor, serviceFor: () => service };
      assert.equal(judgeRunning(book, opened(has))?.code, code);
    });
  }

  it("ends where its service is denied", () => {
    const book = { forwardFor, serviceFor: noService };
    assert.equal(judgeRunning(book, opened("admin"))?.code, "forward.service_not_allowed");
  });
});
