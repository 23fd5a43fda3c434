import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "@tautline/daemon";
import { isTautlineError } from "@tautline/protocol";
import { agentConfigSchema } from "../config.ts";

const servicesOf = (yaml: string) =>
  parseConfig("agent", "agent.yaml", `services:\n${yaml}`, agentConfigSchema).services;

test("a service needs a name and its place; all else has a default", () => {
  assert.deepEqual(servicesOf(`  ssh: { to: "127.0.0.1:22" }`), {
    ssh: {
      to: "127.0.0.1:22",
      alsoLocal: false,
      idleTimeout: 600_000,
      totalTimeout: 86_400_000,
      maxStreams: 64,
    },
  });
});

test("an agent lists no service unless it is told", () => {
  assert.deepEqual(parseConfig("agent", "agent.yaml", "", agentConfigSchema).services, {});
});

test("A15: a metadata service is taken where that is meant", () => {
  const all = servicesOf(`  meta: { to: "169.254.169.254:80", alsoLocal: true }`);
  assert.equal(all["meta"]?.alsoLocal, true);
});

const many = (count: number): string =>
  Array.from({ length: count }, (_, index) => `  s${index}: { to: "unix:${index}" }`).join("\n");

test("64 services are taken", () => {
  assert.equal(Object.keys(servicesOf(many(64))).length, 64);
});

const REFUSED: readonly (readonly [what: string, yaml: string, place: RegExp])[] = [
  ["a 65th service", many(65), /services: has more than 64 services/],
  ["a name for an address", `  ssh: { to: "localhost:22" }`, /services\.ssh\.to: .*a name is not/],
  [
    "A15: a metadata service by a slip",
    `  meta: { to: "169.254.169.254:80" }`,
    /services\.meta\.to: is link-local.*alsoLocal: true/,
  ],
  [
    "an address that no program has",
    `  any: { to: "0.0.0.0:22", alsoLocal: true }`,
    /services\.any\.to: is an address that no program has/,
  ],
  ["a name that is no label", `  SSH: { to: "127.0.0.1:22" }`, /services/],
  ["a field that is misspelt", `  ssh: { to: "127.0.0.1:22", maxStream: 1 }`, /maxStream/],
  ["no stream at all", `  ssh: { to: "127.0.0.1:22", maxStreams: 0 }`, /maxStreams/],
  [
    "more streams than there may be",
    `  ssh: { to: "127.0.0.1:22", maxStreams: 4097 }`,
    /maxStreams/,
  ],
];
for (const [what, yaml, place] of REFUSED) {
  test(`${what} is refused by its place in the file`, () => {
    assert.throws(
      () => servicesOf(yaml),
      (error) =>
        isTautlineError(error) && error.code === "config.invalid" && place.test(error.message),
    );
  });
}
