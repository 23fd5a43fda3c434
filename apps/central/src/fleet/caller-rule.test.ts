import assert from "node:assert/strict";
import { test } from "node:test";
import { type Level, LEVELS } from "@tautline/protocol";
import { type ArrivalFacts, type ArrivalWay, wayOf } from "./caller-rule.ts";

const NOTHING: Omit<ArrivalFacts, "level"> = {
  certificate: "none",
  hasToken: false,
  hasProof: false,
  tlsClients: "proven",
};
const ANY = { tlsClients: "any" } as const;
const TOKEN = { hasToken: true } as const;
const PROOF = { hasProof: true } as const;

const CASES: readonly [string, readonly Level[], Partial<ArrivalFacts>, ArrivalWay][] = [
  ["nothing below tls is a claim", ["plaintext", "basic", "advanced"], {}, "claim"],
  ["nothing at tls is nobody", ["tls"], {}, "credential-missing"],
  ["nothing at tls is a claim where the setting says so", ["tls"], ANY, "claim"],
  ["a token at tls", ["tls"], TOKEN, "token"],
  ["a token at tls, whatever the setting", ["tls"], { ...TOKEN, ...ANY }, "token"],
  ["a token below tls is exposed", ["plaintext", "basic", "advanced"], TOKEN, "exposed"],
  ["also beside a proof", ["plaintext", "basic", "advanced"], { ...TOKEN, ...PROOF }, "exposed"],
  ["a token beside a proof at tls", ["tls"], { ...TOKEN, ...PROOF }, "token"],
  ["a proof", ["plaintext", "basic", "advanced", "tls"], PROOF, "proof"],
  ["a proof at tls, whatever the setting", ["tls"], { ...PROOF, ...ANY }, "proof"],
  ["a certificate", ["mtls"], { certificate: "proven" }, "agent"],
  ["a certificate beside a proof", ["mtls"], { certificate: "proven", ...PROOF }, "agent"],
  ["a certificate beside a token", ["mtls"], { certificate: "proven", ...TOKEN }, "agent"],
  ["a certificate of an existing PKI is a claim", ["mtls"], { certificate: "foreign" }, "claim"],
  ["the same with a token", ["mtls"], { certificate: "foreign", ...TOKEN }, "token"],
  ["the same with a proof", ["mtls"], { certificate: "foreign", ...PROOF }, "proof"],
  ["a certificate that has ended", ["tls"], { certificate: "lapsed" }, "lapsed"],
  ["the same with a token", ["tls"], { certificate: "lapsed", ...TOKEN }, "lapsed"],
  ["a refused certificate", ["tls"], { certificate: "refused" }, "refused"],
  ["a refused certificate with a token", ["tls"], { certificate: "refused", ...TOKEN }, "refused"],
  ["a refused certificate with a proof", ["tls"], { certificate: "refused", ...PROOF }, "refused"],
  ["a refused certificate is no claim", ["tls"], { certificate: "refused", ...ANY }, "refused"],
];

for (const [title, levels, facts, way] of CASES) {
  for (const level of levels) {
    test(`${title}: ${way} at ${level}`, () => {
      assert.equal(wayOf({ ...NOTHING, level, ...facts }), way);
    });
  }
}

test("no token is looked at as one below tls, and nobody is an agent by a handshake below mtls, whatever else is shown", () => {
  for (const level of LEVELS.filter((each) => each !== "mtls")) {
    for (const certificate of ["none", "lapsed", "refused"] as const) {
      for (const bits of [0, 1, 2, 3, 4, 5, 6, 7]) {
        const tlsClients = (bits & 4) === 0 ? "proven" : "any";
        const shown = { hasToken: (bits & 1) > 0, hasProof: (bits & 2) > 0, tlsClients } as const;
        const way = wayOf({ level, certificate, ...shown });
        assert.notEqual(way, "agent");
        if (level !== "tls") assert.notEqual(way, "token");
        if (level !== "tls" && shown.hasToken) assert.equal(way, "exposed");
      }
    }
  }
});
