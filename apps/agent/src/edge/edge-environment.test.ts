import assert from "node:assert/strict";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import * as fc from "fast-check";
import { EDGE_VARIABLES, type NamedReceivers, namedReceivers } from "./edge-environment.ts";

type Given = Readonly<Partial<Record<keyof typeof EDGE_VARIABLES, string>>>;

function judge(given: Given): NamedReceivers | undefined {
  const variables = new Map(
    Object.entries(given).map(([name, text]) => [EDGE_VARIABLES[name as keyof Given], text]),
  );
  return namedReceivers((name) => variables.get(name as never));
}

const ONE: NamedReceivers = {
  addresses: ["oap:11800"],
  caFile: undefined,
  system: false,
  client: undefined,
};
const services = "oap:11800";
const pair = { certificateFile: "c.crt", keyFile: "c.pem" };

for (const [title, given, expected] of [
  ["nothing", {}, undefined],
  [
    "empty variables, which are SkyWalking's defaults",
    { services: "", ca: " ", key: "" },
    undefined,
  ],
  ["TLS forced, and no receiver", { force: "true" }, undefined],
  ["one receiver", { services }, ONE],
  [
    "several, in their order, with spaces between them",
    { services: " oap-2:11800, [::1]:1 ,oap-1:11800 " },
    { ...ONE, addresses: ["oap-2:11800", "[::1]:1", "oap-1:11800"] },
  ],
  ["an authority (SW-5)", { services, ca: "ca.crt" }, { ...ONE, caFile: "ca.crt" }],
  ["TLS forced, with no authority (SW-6)", { services, force: "true" }, { ...ONE, system: true }],
  [
    "TLS forced, and an authority",
    { services, ca: "ca.crt", force: "true" },
    { ...ONE, caFile: "ca.crt" },
  ],
  ["TLS not forced", { services, force: "false" }, ONE],
  [
    "a pair (SW-7)",
    { services, ca: "ca.crt", certificate: "c.crt", key: "c.pem" },
    { ...ONE, caFile: "ca.crt", client: pair },
  ],
  [
    "a pair by the system's store, which SkyWalking would not show",
    { services, force: "true", certificate: "c.crt", key: "c.pem" },
    { ...ONE, system: true, client: pair },
  ],
] as const satisfies readonly (readonly [string, Given, NamedReceivers | undefined])[]) {
  test(`the environment says ${title}`, () => {
    assert.deepEqual(judge(given), expected);
  });
}

for (const [title, given, name, reason] of [
  [
    "a key alone (SW-7)",
    { services, key: "c.pem" },
    "key",
    /SW_AGENT_SSL_CERT_CHAIN_PATH is missing/,
  ],
  [
    "a certificate alone (SW-7)",
    { services, certificate: "c.crt" },
    "certificate",
    /SW_AGENT_SSL_KEY_PATH is missing/,
  ],
  ["half a pair, and no receiver", { key: "c.pem" }, "key", /missing/],
  [
    "a pair, and no receiver",
    { certificate: "c.crt", key: "c.pem" },
    "certificate",
    /SERVICES is missing/,
  ],
  ["an authority, and no receiver", { ca: "ca.crt" }, "ca", /SERVICES is missing/],
  ["TLS forced in another spelling", { services, force: "TRUE" }, "force", /neither/],
  ["TLS forced by a number", { services, force: "1" }, "force", /neither/],
  ["no port", { services: "oap" }, "services", /'oap' has no port/],
  ["a port that is none", { services: "oap:99999" }, "services", /no host:port/],
  ["a URL", { services: "https://oap:11800" }, "services", /no host:port/],
  ["a comma at its end", { services: "oap:11800," }, "services", /between two/],
  ["the same twice", { services: "oap:1,oap:1" }, "services", /'oap:1' twice/],
  [
    "too many",
    { services: Array.from({ length: 17 }, (_, at) => `o:${at + 1}`).join() },
    "services",
    /more than 16/,
  ],
] as const satisfies readonly (readonly [string, Given, keyof Given, RegExp])[]) {
  test(`SWP-1: the environment says ${title}, and it refuses to start, naming the variable`, () => {
    assert.throws(
      () => judge(given),
      (error) => {
        assert.ok(isTautlineError(error) && error.code === "agent.edge_variable");
        assert.equal(error.detail["variable"], EDGE_VARIABLES[name]);
        assert.match(String(error.detail["reason"]), reason);
        return true;
      },
    );
  });
}

test("whatever the environment says, it is taken as it is meant or refused by name", () => {
  const some = fc.option(fc.oneof(fc.string(), fc.constantFrom("true", "a:1", "f")), {
    nil: undefined,
  });
  const all = fc.record({ services: some, ca: some, key: some, certificate: some, force: some });
  fc.assert(
    fc.property(all, (given) => {
      try {
        const found = judge(given as Given);
        const isSet = (name: keyof Given): boolean => (given[name]?.trim() ?? "") !== "";
        assert.equal(found !== undefined, isSet("services"));
        if (found === undefined) return;
        assert.equal(found.caFile !== undefined, isSet("ca"));
        assert.equal(found.client !== undefined, isSet("key") && isSet("certificate"));
      } catch (error) {
        assert.ok(isTautlineError(error) && error.code === "agent.edge_variable");
      }
    }),
  );
});
