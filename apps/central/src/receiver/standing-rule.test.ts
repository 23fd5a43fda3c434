import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LEVELS, OPEN_POLICY, TautlineError } from "@tautline/protocol";
import { clientTokenState } from "./client.ts";
import { outcomeOf } from "./call-outcome.ts";
import { evidenceAt } from "./fixture-links.test.ts";
import { type LinkUse, MOST_USES, noteUse } from "./link-table.ts";
import { judgeStanding, mayHaveEnded, type StandingFacts } from "./standing-rule.ts";

const demands = {
  name: "oap",
  levels: LEVELS,
  namespace: null,
  requireToken: false,
  anonymous: true,
} as const;
const client = { name: "shop", namespace: "default", tokenId: "t", expiresAtMs: 0 };
const use: LinkUse = { backend: "oap", token: { kind: "proven", client } };
const ended = new TautlineError("receiver.token_ended", { detail: { name: "shop", reason: "x" } });

const facts = (change: Partial<StandingFacts> = {}, isEnded = false): StandingFacts => ({
  book: {
    backends: () => [demands] as never,
    judgeAgain: () => (isEnded ? ended : undefined),
  },
  accepted: () => LEVELS,
  policyOf: () => OPEN_POLICY,
  isKeyLive: () => true,
  nowMs: 1_000,
  ...change,
});

const link = (change: object = {}): Parameters<typeof judgeStanding>[1] => ({
  door: "receiver",
  evidence: evidenceAt("tls"),
  remoteAddress: "192.0.2.1",
  identity: { kind: "nobody" },
  certificateEndsMs: undefined,
  uses: new Map([["oap t", use]]),
  ...change,
});

const onlyMtls = () => ({ ...OPEN_POLICY, accept: ["mtls"] as const });

const codeOf = (of: StandingFacts, what = link()): string | undefined =>
  judgeStanding(of, what)?.code;

describe("judgeStanding", () => {
  it("lets a link be whose calls would all be taken again", () => {
    assert.equal(codeOf(facts()), undefined);
  });

  it("ends a link whose token has ended, and not one that used another", () => {
    assert.equal(codeOf(facts({}, true)), "receiver.token_ended");
    const anonymous = new Map([["oap ", { backend: "oap", token: { kind: "none" } }]]);
    assert.equal(codeOf(facts({}, true), link({ uses: anonymous })), undefined);
  });

  it("ends a link whose level its door, or the policy, no longer has", () => {
    assert.equal(codeOf(facts({ accepted: () => ["mtls"] })), "receiver.port_level");
    assert.equal(codeOf(facts({ policyOf: onlyMtls })), "receiver.policy_level");
  });

  it("ends a link whose certificate has ended, in the very moment", () => {
    assert.equal(codeOf(facts(), link({ certificateEndsMs: 1_001 })), undefined);
    assert.equal(
      codeOf(facts(), link({ certificateEndsMs: 1_000 })),
      "admission.certificate_expired",
    );
  });

  it("ends a link whose shared key was taken away", () => {
    const identity = { kind: "key", name: "k", namespace: "lab" };
    const keyed = link({ identity, evidence: evidenceAt("basic"), uses: new Map() });
    assert.equal(codeOf(facts(), keyed), undefined);
    assert.equal(codeOf(facts({ isKeyLive: () => false }), keyed), "keys.ended");
  });

  it("leaves calls of a backend that is gone to that backend's own end", () => {
    const book = { backends: () => [], judgeAgain: () => ended };
    assert.equal(codeOf(facts({ book })), undefined);
  });
});

const used = (expiresAtMs: number) => {
  const token = { kind: "proven", client: { ...client, expiresAtMs } } as const;
  return link({ uses: new Map([["oap t", { backend: "oap", token }]]) });
};

describe("mayHaveEnded", () => {
  it("is so at the end of a certificate or of a token, and of a shared key at any time", () => {
    assert.equal(mayHaveEnded(used(1_001), 1_000), false);
    assert.equal(mayHaveEnded(used(1_000), 1_000), true);
    assert.equal(mayHaveEnded({ ...used(1_001), certificateEndsMs: 1_000 }, 1_000), true);
    assert.equal(mayHaveEnded({ ...used(1_001), certificateEndsMs: 1_001 }, 1_000), false);
    const identity = { kind: "key", name: "k", namespace: "lab" } as const;
    assert.equal(mayHaveEnded({ ...used(1_001), identity }, 1_000), true);
  });
});

describe("noteUse", () => {
  it("remembers as many as its limit, and no one more", () => {
    const live = { uses: new Map<string, LinkUse>() };
    for (let at = 0; at < MOST_USES; at += 1) {
      assert.ok(noteUse(live, { backend: `b${at}`, token: { kind: "none" } }));
    }
    assert.equal(noteUse(live, { backend: "more", token: { kind: "none" } }), false);
    assert.ok(noteUse(live, { backend: "b0", token: { kind: "none" } }), "the same again");
    assert.equal(live.uses.size, MOST_USES);
  });
});

describe("clientTokenState", () => {
  it("is good until its end, to the millisecond, unless it was revoked", () => {
    assert.equal(clientTokenState({ expiresAtMs: 10, revokedAtMs: null }, 9), "good");
    assert.equal(clientTokenState({ expiresAtMs: 10, revokedAtMs: null }, 10), "expired");
    assert.equal(clientTokenState({ expiresAtMs: 10, revokedAtMs: 5 }, 9), "revoked");
  });
});

describe("outcomeOf", () => {
  const nothing = { failure: undefined, place: "p", grpcStatus: undefined, httpStatus: undefined };
  const refusal = new TautlineError("receiver.caller_unproven", { detail: { backend: "b" } });
  const rows = [
    ["ok", { grpcStatus: 0 }],
    ["error", { grpcStatus: 5 }],
    ["ok", { httpStatus: 200 }],
    ["error", { httpStatus: 404 }],
    ["refused", { failure: refusal, place: undefined }],
    ["broken", { failure: new TautlineError("carry.cancelled"), place: undefined }],
    ["broken", { failure: new TautlineError("carry.cancelled") }],
  ] as const;
  for (const [outcome, record] of rows) {
    it(`is ${outcome} for ${JSON.stringify(Object.keys(record))}`, () => {
      assert.equal(outcomeOf({ ...nothing, ...record }), outcome);
    });
  }
});
