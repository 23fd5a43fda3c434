import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judgeToken, tokenState, type TokenFacts } from "./token-rule.ts";

const NOW = Date.UTC(2026, 10, 22);
const fresh: TokenFacts = { usesAllowed: 2, usesMade: 0, expiresAtMs: NOW + 1, revokedAtMs: null };

const rows: { name: string; token: TokenFacts; code: string | undefined; state: string }[] = [
  { name: "a fresh token may be used", token: fresh, code: undefined, state: "open" },
  {
    name: "a token with one use left may be used",
    token: { ...fresh, usesMade: 1 },
    code: undefined,
    state: "open",
  },
  {
    name: "a token with no use left is used up",
    token: { ...fresh, usesMade: 2 },
    code: "enrolment.token_used_up",
    state: "used up",
  },
  {
    name: "a token expires in the very millisecond that it names",
    token: { ...fresh, expiresAtMs: NOW },
    code: "enrolment.token_expired",
    state: "expired",
  },
  {
    name: "a revoked token stays revoked although it also expired and was used up",
    token: { usesAllowed: 1, usesMade: 1, expiresAtMs: NOW - 1, revokedAtMs: NOW - 5 },
    code: "enrolment.token_revoked",
    state: "revoked",
  },
  {
    name: "an expired token that was also used up is called expired",
    token: { usesAllowed: 1, usesMade: 1, expiresAtMs: NOW - 1, revokedAtMs: null },
    code: "enrolment.token_expired",
    state: "expired",
  },
];

describe("judgeToken", () => {
  for (const row of rows) {
    it(row.name, () => {
      assert.equal(judgeToken(row.token, NOW)?.code, row.code);
      assert.equal(tokenState(row.token, NOW), row.state);
    });
  }
});
