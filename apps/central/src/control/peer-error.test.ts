import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ErrorCode, TautlineError, toProblem, toWireText } from "@tautline/protocol";
import { errorForPeer } from "./peer-error.ts";

const told: ErrorCode[] = [
  "admission.agent_revoked",
  "enrolment.token_expired",
  "opamp.too_large",
  "pki.chain_expired",
  "central.stopping",
];

describe("errorForPeer", () => {
  for (const code of told) {
    it(`tells a peer ${code} as it is`, () => {
      const error = new TautlineError(code);
      assert.equal(errorForPeer(error), error);
    });
  }

  const inside: [string, unknown][] = [
    ["a full disk", new TautlineError("store.full")],
    [
      "a damaged database",
      new TautlineError("store.damaged", { detail: { file: "/secret/central.db", reason: "x" } }),
    ],
    [
      "a damaged field",
      new TautlineError("vault.field_damaged", { detail: { place: "tokens/secret", reason: "x" } }),
    ],
    ["a mistake of ours", new TautlineError("internal.unexpected", { cause: new Error("secret") })],
    ["what is no error of ours", new Error("secret")],
    ["what is no error at all", "secret"],
  ];
  for (const [name, error] of inside) {
    it(`keeps ${name} inside, and the cause for the log`, () => {
      const peers = errorForPeer(error);
      assert.equal(peers.code, "central.unavailable");
      assert.equal(peers.status, 503);
      assert.equal(peers.cause, error);
      const words = toWireText(peers) + JSON.stringify(toProblem(peers));
      assert.doesNotMatch(words, /secret|disk|database/);
    });
  }
});
