import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatClientToken } from "@tautline/protocol";
import type { LinkIdentity, ShownToken } from "./caller.ts";
import { evidenceAt } from "./fixture-links.test.ts";
import { metadataOf, strippedHeaders, tokensIn } from "./metadata-rule.ts";

const token = { id: "0123456789abcdef", secret: new Uint8Array(32).fill(1) };
const TEXT = formatClientToken(token);
const client = { name: "shop", namespace: "default", tokenId: token.id, expiresAtMs: 0 };
const PROVEN: ShownToken = { kind: "proven", client };
const NONE: ShownToken = { kind: "none" };

const IDENTITIES: readonly [LinkIdentity, string | undefined][] = [
  [
    { kind: "agent", id: "a", namespace: "lab", spiffeId: "spiffe://lab.x/agent/a" },
    "spiffe://lab.x/agent/a",
  ],
  [
    { kind: "foreign", peer: { subject: "CN=x\ny: z", serial: "1", keyPin: "ab", expiresAtMs: 0 } },
    "certificate:ab",
  ],
  [
    { kind: "program", name: "shop.example", namespace: "lab", serial: "1" },
    "program:shop.example",
  ],
  [{ kind: "key", name: "site-3", namespace: "lab" }, "key:site-3"],
  [{ kind: "nobody" }, undefined],
];

describe("metadataOf", () => {
  for (const [identity, text] of IDENTITIES) {
    it(`tells of ${identity.kind} as ${text ?? "nobody"}`, () => {
      const link = { evidence: evidenceAt("tls"), identity, remoteAddress: "192.0.2.1" };
      const metadata = metadataOf(link, NONE);
      assert.equal(metadata["tautline-identity"], text);
      assert.equal(metadata["tautline-level"], "tls");
      assert.equal(metadata["tautline-address"], "192.0.2.1");
      const told = metadataOf(link, PROVEN);
      assert.equal(told["tautline-identity"], text ?? "client:shop");
      assert.equal(told["tautline-client"], "shop");
      assert.equal(told["tautline-namespace"], "default");
    });
  }
});

describe("tokensIn", () => {
  const found: readonly [string, Record<string, string | string[]>, readonly string[]][] = [
    ["SW-13: SkyWalking's header", { authentication: TEXT }, ["authentication"]],
    ["the header of OTLP exporters", { authorization: `Bearer ${TEXT}` }, ["authorization"]],
    ["the scheme in lower case", { authorization: `bearer  ${TEXT}` }, ["authorization"]],
    ["SkyWalking's header with a scheme", { authentication: `Bearer ${TEXT}` }, ["authentication"]],
    [
      "both",
      { authentication: TEXT, authorization: `Bearer ${TEXT}` },
      ["authentication", "authorization"],
    ],
    ["a token of the backend's own", { authorization: "Bearer other" }, []],
    ["nothing", {}, []],
  ];
  for (const [what, headers, names] of found) {
    it(`finds ${names.length} in ${what}`, () => {
      const tokens = tokensIn(headers);
      assert.deepEqual(
        tokens.map(({ header }) => header),
        names,
      );
      for (const each of tokens) assert.deepEqual(each.token, token);
    });
  }

  const wrong: readonly [string, Record<string, string | string[]>, string][] = [
    ["a token that was cut off", { authentication: TEXT.slice(0, -1) }, "authentication"],
    ["a token that was mistyped", { authorization: `Bearer ${TEXT}?` }, "authorization"],
    ["another scheme", { authorization: `Basic ${TEXT}` }, "authorization"],
    ["a token without a scheme", { authorization: TEXT }, "authorization"],
    ["two in one header", { authentication: `${TEXT}, ${TEXT}` }, "authentication"],
    ["a list of two", { authentication: [TEXT, TEXT] }, "authentication"],
  ];
  for (const [what, headers, header] of wrong) {
    it(`A15: ${what} is ours to refuse, and no backend's to see`, () => {
      const found = tokensIn(headers);
      assert.deepEqual(found, [{ token: undefined, header }]);
      assert.ok(strippedHeaders(found).includes(header));
    });
  }

  it("what was central's own to judge is not passed on, what is the backend's is", () => {
    const ours = strippedHeaders(tokensIn({ authentication: TEXT, authorization: "Bearer other" }));
    assert.ok(ours.includes("authentication") && !ours.includes("authorization"));
    assert.ok(ours.includes("tautline-*"));
  });
});
