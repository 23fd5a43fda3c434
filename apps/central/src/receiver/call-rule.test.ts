import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LEVELS, type Level, OPEN_POLICY, TautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import type { Demands } from "./backend.ts";
import { type JudgedCall, judgeCall } from "./call-rule.ts";
import type { LinkIdentity, ShownToken } from "./caller.ts";
import { evidenceAt } from "./fixture-links.test.ts";

const AGENT: LinkIdentity = { kind: "agent", id: "a", namespace: "lab", spiffeId: "spiffe://x" };
const NOBODY: LinkIdentity = { kind: "nobody" };
const KEY: LinkIdentity = { kind: "key", name: "k", namespace: "lab" };
const PROGRAM = { kind: "program", name: "shop.example", serial: "1" } as const;
const FOREIGN: LinkIdentity = {
  kind: "foreign",
  peer: { subject: "CN=x", serial: "1", keyPin: "00", expiresAtMs: 0 },
};
const NONE: ShownToken = { kind: "none" };
const TOKEN: ShownToken = {
  kind: "proven",
  client: { name: "shop", namespace: "default", tokenId: "t", expiresAtMs: 0 },
};
const BAD: ShownToken = { kind: "refused", error: new TautlineError("receiver.token_unknown") };

const demands: Demands = {
  name: "oap",
  levels: ["tls", "mtls"],
  namespace: null,
  requireToken: false,
  anonymous: false,
};

interface Case {
  readonly level?: Level;
  readonly from?: string;
  readonly identity?: LinkIdentity;
  readonly token?: ShownToken;
  readonly asks?: Partial<Demands>;
  readonly accepted?: readonly Level[];
  readonly policyOf?: JudgedCall["policyOf"];
}

function judge({ level = "tls", from = "192.0.2.1", identity = NOBODY, ...said }: Case) {
  const link = {
    door: "receiver",
    identity,
    remoteAddress: from,
    evidence: evidenceAt(level),
  } as const;
  return judgeCall({
    link,
    token: said.token ?? NONE,
    demands: { ...demands, ...said.asks },
    accepted: said.accepted ?? LEVELS,
    policyOf: said.policyOf ?? (() => OPEN_POLICY),
  });
}

const only = (...accept: Level[]) => ({ ...OPEN_POLICY, accept });

const ROWS: readonly [what: string, of: Case, code: string | undefined][] = [
  ["an agent at mtls", { level: "mtls", identity: AGENT }, undefined],
  ["a client of another PKI at mtls", { level: "mtls", identity: FOREIGN }, undefined],
  ["a program at mtls", { level: "mtls", identity: { ...PROGRAM, namespace: "" } }, undefined],
  [
    "a program of the namespace that the route is for",
    { level: "mtls", identity: { ...PROGRAM, namespace: "lab" }, asks: { namespace: "lab" } },
    undefined,
  ],
  [
    "a program of no namespace where the route is for one",
    { level: "mtls", identity: { ...PROGRAM, namespace: "" }, asks: { namespace: "lab" } },
    "receiver.namespace_refused",
  ],
  ["a token at tls", { token: TOKEN }, undefined],
  ["nobody at tls", {}, "receiver.caller_unproven"],
  ["nobody where anybody may", { asks: { anonymous: true } }, undefined],
  [
    "a wrong token where anybody may",
    { token: BAD, asks: { anonymous: true } },
    "receiver.token_unknown",
  ],
  [
    "a wrong token of an agent",
    { level: "mtls", identity: AGENT, token: BAD },
    "receiver.token_unknown",
  ],
  [
    "an agent where a token is asked for",
    { level: "mtls", identity: AGENT, asks: { requireToken: true } },
    "receiver.token_needed",
  ],
  [
    "nobody where a token is asked for of anybody",
    { asks: { requireToken: true, anonymous: true } },
    "receiver.token_needed",
  ],
  [
    "an agent with a token where one is asked for",
    { level: "mtls", identity: AGENT, token: TOKEN, asks: { requireToken: true } },
    undefined,
  ],
  ["a level that the door has not", { accepted: ["mtls"], token: TOKEN }, "receiver.port_level"],
  ["mtls where the door has tls", { level: "mtls", accepted: ["tls"], identity: AGENT }, undefined],
  [
    "a level that the route has not",
    { token: TOKEN, asks: { levels: ["mtls"] } },
    "receiver.route_level",
  ],
  [
    "a shared key where basic is taken",
    { level: "basic", identity: KEY, asks: { levels: ["basic"] } },
    undefined,
  ],
  ["another namespace", { token: TOKEN, asks: { namespace: "lab" } }, "receiver.namespace_refused"],
  ["the same namespace", { level: "mtls", identity: AGENT, asks: { namespace: "lab" } }, undefined],
  [
    "a client of another PKI where a namespace is asked for",
    { level: "mtls", identity: FOREIGN, asks: { namespace: "lab" } },
    "receiver.namespace_refused",
  ],
  [
    "a token of another namespace than its agent's",
    { level: "mtls", identity: AGENT, token: TOKEN, asks: { namespace: "lab" } },
    "receiver.namespace_refused",
  ],
  [
    "a level that the policy of the token's namespace has not",
    { token: TOKEN, policyOf: () => only("mtls") },
    "receiver.policy_level",
  ],
  [
    "a link without post-quantum where the policy asks for it",
    { token: TOKEN, policyOf: () => ({ ...OPEN_POLICY, postQuantum: "require" }) },
    "policy.not_post_quantum",
  ],
  [
    "a token where the policy asks for client proof",
    { token: TOKEN, policyOf: () => ({ ...OPEN_POLICY, clientProof: "require" }) },
    undefined,
  ],
  [
    "nobody where the policy asks for client proof",
    { asks: { anonymous: true }, policyOf: () => ({ ...OPEN_POLICY, clientProof: "require" }) },
    "policy.client_unproven",
  ],
  [
    "an agent, whose link was judged when it came",
    { level: "mtls", identity: AGENT, policyOf: () => only("basic") },
    undefined,
  ],
  [
    "QM-13: plaintext of this host where the policy keeps it",
    {
      level: "plaintext",
      from: "127.0.0.1",
      token: TOKEN,
      asks: { levels: ["plaintext"] },
      policyOf: () => only("mtls"),
    },
    undefined,
  ],
];

describe("judgeCall", () => {
  for (const [what, of, code] of ROWS) {
    it(`${code === undefined ? "takes" : "refuses"} ${what}`, () => {
      assert.equal(judge(of)?.error.code, code);
    });
  }

  const exposures: readonly [string, Case][] = [
    ["the door has no plaintext", { accepted: ["tls"] }],
    ["the route has no plaintext", {}],
    [
      "the policy has no plaintext",
      { asks: { levels: ["plaintext"] }, policyOf: () => only("tls") },
    ],
  ];
  for (const [what, of] of exposures) {
    it(`says that a token is exposed in plaintext where ${what}`, () => {
      const refusal = judge({ ...of, level: "plaintext", token: TOKEN });
      assert.equal(refusal?.isExposed, true);
      assert.equal(refusal?.error.code, "receiver.token_exposed");
      assert.equal(judge({ ...of, level: "plaintext", token: BAD })?.isExposed, false);
    });
  }

  it("asks for the policy of the token's namespace, the agent's key's, the route's, or the first one's", () => {
    const asked: string[] = [];
    const policyOf = (namespace: string) => {
      asked.push(namespace);
      return OPEN_POLICY;
    };
    judge({ token: TOKEN, policyOf });
    judge({ level: "basic", identity: KEY, asks: { levels: ["basic"] }, policyOf });
    judge({ asks: { namespace: "shop", anonymous: true }, policyOf });
    judge({ asks: { anonymous: true }, policyOf });
    assert.deepEqual(asked, ["default", "lab", "shop", "default"]);
  });

  it("takes nobody who proved nothing unless the route says that anybody may, whatever else is set", () => {
    const level = fc.constantFrom(...LEVELS);
    fc.assert(
      fc.property(level, fc.subarray([...LEVELS]), fc.boolean(), (at, levels, requireToken) => {
        const refusal = judge({ level: at, asks: { levels, requireToken } });
        assert.notEqual(refusal, undefined);
      }),
    );
  });
});
