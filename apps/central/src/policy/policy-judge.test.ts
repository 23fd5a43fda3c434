import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LEVELS, levelsFrom, type LinkPolicy, OPEN_POLICY } from "@tautline/protocol";
import * as fc from "fast-check";
import type { Caller } from "../control/caller.ts";
import { claimCaller, evidenceAt, liveKey } from "../control/fixture-arrivals.test.ts";
import { anException, bookOf } from "./fixture-policies.test.ts";
import { judgeCallerUnderPolicy, type JudgedLink, judgeUnderPolicy } from "./policy-judge.ts";
import { POLICY_KINDS } from "./policy-kind.ts";

const ID = anException().agentId;
const OTHER = "017f22e2-79b0-7cc3-98c4-dc0c0c073990";
const TLS_ON: LinkPolicy = { ...OPEN_POLICY, accept: levelsFrom("tls") };

const linkAt = (level: JudgedLink["evidence"]["level"], changes: Partial<JudgedLink> = {}) => ({
  agentId: ID,
  namespace: "default",
  kind: "control" as const,
  evidence: evidenceAt(level),
  remoteAddress: "192.0.2.1",
  ...changes,
});

describe("judgeUnderPolicy", () => {
  it("refuses a level that the policy does not accept, with both ends' remedies and nobody's name", () => {
    const error = judgeUnderPolicy(bookOf(TLS_ON), linkAt("basic"));
    assert.equal(error?.code, "policy.level_refused");
    assert.equal(error.status, 426);
    assert.match(error.message, /control links at the level basic here; it accepts tls, mtls\./);
    assert.match(error.remedy, /set central\.level to tls or mtls .*'tautline policy show'/);
    assert.doesNotMatch(`${error.message} ${error.remedy}`, new RegExp(`default|${ID}`));
  });

  it("says which proof is missing", () => {
    const proven: LinkPolicy = { ...OPEN_POLICY, clientProof: "require" };
    const refusal = judgeUnderPolicy(bookOf(proven), linkAt("basic"));
    assert.equal(refusal?.code, "policy.client_unproven");
    const evidence = { ...evidenceAt("basic"), clientProven: true };
    assert.equal(judgeUnderPolicy(bookOf(proven), linkAt("basic", { evidence })), undefined);
    const quantum: LinkPolicy = { ...OPEN_POLICY, postQuantum: "require" };
    const classical = { ...evidenceAt("mtls"), pq: false, group: "X25519" };
    const error = judgeUnderPolicy(bookOf(quantum), linkAt("mtls", { evidence: classical }));
    assert.equal(error?.code, "policy.not_post_quantum");
    assert.match(error.message, /used X25519\./);
    const without = { ...classical, group: null };
    const other = judgeUnderPolicy(bookOf(quantum), linkAt("mtls", { evidence: without }));
    assert.match(String(other?.message), /used none\./);
  });

  it("QM-13: plaintext from central's own host goes on unless the policy says off", () => {
    for (const remoteAddress of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
      const link = linkAt("plaintext", { remoteAddress });
      assert.equal(judgeUnderPolicy(bookOf(TLS_ON), link), undefined);
      const off = bookOf({ ...TLS_ON, loopback: "off" });
      assert.equal(judgeUnderPolicy(off, link)?.code, "policy.level_refused");
    }
  });

  it("an exception stands for its agent, kind and level, whatever else the link lacks", () => {
    const strict: LinkPolicy = { ...TLS_ON, clientProof: "require", postQuantum: "require" };
    const book = bookOf(strict, [anException({ level: "basic" })]);
    assert.equal(judgeUnderPolicy(book, linkAt("basic")), undefined);
    const others: readonly (readonly [string, JudgedLink])[] = [
      ["a lower level", linkAt("plaintext")],
      ["a higher level that lacks something", linkAt("tls")],
      ["another agent", linkAt("basic", { agentId: OTHER })],
      ["another kind", linkAt("basic", { kind: "forward" })],
    ];
    for (const [what, link] of others)
      assert.notEqual(judgeUnderPolicy(book, link), undefined, what);
  });

  it("who has not said its id is heard only where it could be one that is excepted", () => {
    const book = bookOf(TLS_ON, [anException({ level: "basic" })]);
    const unsaid = { agentId: undefined };
    assert.equal(judgeUnderPolicy(book, linkAt("basic", unsaid)), undefined);
    assert.notEqual(judgeUnderPolicy(book, linkAt("plaintext", unsaid)), undefined);
    assert.notEqual(
      judgeUnderPolicy(book, linkAt("basic", { ...unsaid, kind: "forward" })),
      undefined,
    );
  });

  it("what a namespace asks for is asked of no other", () => {
    const book = bookOf(TLS_ON, [], "plant");
    assert.equal(judgeUnderPolicy(book, linkAt("plaintext")), undefined);
    assert.notEqual(judgeUnderPolicy(book, linkAt("plaintext", { namespace: "plant" })), undefined);
  });

  it("refuses nothing that nobody asked for, and no agent for a stranger's exception", () => {
    const level = fc.constantFrom(...LEVELS);
    const facts = fc.record({ level, pq: fc.boolean(), clientProven: fc.boolean() });
    const policy = fc.record({
      accept: fc.subarray([...LEVELS], { minLength: 1 }),
      clientProof: fc.constantFrom("none" as const, "require" as const),
      postQuantum: fc.constantFrom("prefer" as const, "require" as const),
      loopback: fc.constantFrom("keep" as const, "off" as const),
    });
    fc.assert(
      fc.property(
        facts,
        policy,
        fc.constantFrom(...POLICY_KINDS),
        level,
        (said, asked, kind, at) => {
          const evidence = { ...evidenceAt(said.level), ...said };
          const link = linkAt(said.level, { evidence, kind });
          assert.equal(judgeUnderPolicy(bookOf(), link), undefined);
          const exceptions = [anException({ agentId: OTHER, kind, level: at })];
          assert.equal(
            judgeUnderPolicy(bookOf(asked, exceptions), link)?.code,
            judgeUnderPolicy(bookOf(asked), link)?.code,
          );
        },
      ),
    );
  });
});

describe("judgeCallerUnderPolicy", () => {
  const mutualOnly = bookOf({ ...OPEN_POLICY, accept: ["mtls"], loopback: "off" });

  it("leaves who joins by a token or renews by its old key alone: they get an identity and nothing else", () => {
    const evidence = evidenceAt("tls");
    const from = { evidence, remoteAddress: "192.0.2.1" };
    const token = { kind: "token", ...from } as Caller;
    const lapsed = { kind: "lapsed", agentId: ID, serial: "01", ...from } as Caller;
    for (const caller of [token, lapsed]) {
      for (const kind of POLICY_KINDS) {
        assert.equal(judgeCallerUnderPolicy(mutualOnly, caller, { kind }), undefined);
      }
    }
  });

  it("judges a claim in the namespace of its key, and by the id that it said", () => {
    const strict: LinkPolicy = { ...OPEN_POLICY, accept: ["mtls"] };
    const book = bookOf(strict, [anException({ namespace: "plant" })], "plant");
    assert.equal(
      judgeCallerUnderPolicy(book, claimCaller("basic"), { kind: "control" }),
      undefined,
    );
    const caller = claimCaller("basic", liveKey("plant"));
    const judge = (agentId?: string) =>
      judgeCallerUnderPolicy(book, caller, { kind: "control", agentId })?.code;
    assert.equal(judge(), undefined);
    assert.equal(judge(ID), undefined);
    assert.equal(judge(OTHER), "policy.level_refused");
  });
});
