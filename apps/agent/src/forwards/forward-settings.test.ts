import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "@tautline/daemon";
import { isTautlineError } from "@tautline/protocol";
import { agentConfigSchema } from "../config.ts";

const forwardsOf = (yaml: string) =>
  parseConfig("agent", "agent.yaml", `forwards:\n${yaml}`, agentConfigSchema).forwards;

test("a forward needs a name and where it listens; all else has a default", () => {
  assert.deepEqual(forwardsOf(`  db: { listen: "127.0.0.1:5432" }`), {
    db: {
      listen: "127.0.0.1:5432",
      open: false,
      idleTimeout: 600_000,
      totalTimeout: 86_400_000,
      maxStreams: 256,
      warm: 1,
    },
  });
});

test("what is said counts, in the units people write", () => {
  const { db } = forwardsOf(
    `  db: { listen: "unix:db.sock", mode: "0660", idleTimeout: 1s, totalTimeout: 20d, maxStreams: 1, warm: 0 }`,
  );
  assert.deepEqual(
    [db?.mode, db?.idleTimeout, db?.totalTimeout, db?.maxStreams, db?.warm],
    ["0660", 1000, 1_728_000_000, 1, 0],
  );
});

test("an address that others reach is taken where that is meant", () => {
  assert.equal(forwardsOf(`  db: { listen: "0.0.0.0:5432", open: true }`)["db"]?.open, true);
});

test("two forwards may both take any free port", () => {
  const both = forwardsOf(`  a: { listen: "127.0.0.1:0" }\n  b: { listen: "127.0.0.1:0" }`);
  assert.equal(Object.keys(both).length, 2);
});

const many = (count: number): string =>
  Array.from({ length: count }, (_, index) => `  f${index}: { listen: "unix:${index}" }`).join(
    "\n",
  );

test("64 forwards are taken", () => {
  assert.equal(Object.keys(forwardsOf(many(64))).length, 64);
});

const REFUSED: readonly (readonly [what: string, yaml: string, place: RegExp])[] = [
  ["a 65th forward", many(65), /forwards: has more than 64 forwards/],
  [
    "an address that others reach",
    `  db: { listen: "0.0.0.0:5432" }`,
    /line 2: forwards\.db\.listen: is not loopback.*`open: true`/,
  ],
  [
    "a name for an address",
    `  db: { listen: "localhost:5432" }`,
    /line 2: forwards\.db\.listen: must be 127\.0\.0\.1:PORT/,
  ],
  [
    "one address for two",
    `  db: { listen: "127.0.0.1:5432" }\n  web: { listen: "127.0.0.1:5432" }`,
    /line 3: forwards\.web\.listen: is the address of the forward 'db' and of 'web'/,
  ],
  [
    "one address for two, written differently",
    `  db: { listen: "[::1]:1" }\n  web: { listen: "[0::1]:1" }`,
    /forward 'db' and of 'web'/,
  ],
  [
    "one socket for two, written differently",
    `  db: { listen: "unix:a/../x" }\n  web: { listen: "unix:x" }`,
    /forward 'db' and of 'web'/,
  ],
  ["no address", `  db: {}`, /forwards\.db\.listen/],
  [
    "an unknown key",
    `  db: { listen: "unix:x", opne: true }`,
    /line 2: forwards\.db\.opne: unknown key/,
  ],
  [
    "a mode of TCP",
    `  db: { listen: "127.0.0.1:1", mode: "0600" }`,
    /forwards\.db\.mode: is for Unix/,
  ],
  ["a mode without quotes", `  db: { listen: "unix:x", mode: 0600 }`, /forwards\.db\.mode/],
  ["another mode", `  db: { listen: "unix:x", mode: "0777" }`, /forwards\.db\.mode/],
  [
    "a name that is no label",
    `  Db_1: { listen: "unix:x" }`,
    /line 2: forwards\.Db_1: the name of a forward/,
  ],
  ["a name too long", `  ${"a".repeat(64)}: { listen: "unix:x" }`, /the name of a forward/],
  [
    "too long an idle time",
    `  db: { listen: "unix:x", idleTimeout: 25h }`,
    /idleTimeout: it is not from 1s to 24h/,
  ],
  ["more than timers can wait", `  db: { listen: "unix:x", totalTimeout: 21d }`, /totalTimeout/],
  ["33 warm connections", `  db: { listen: "unix:x", warm: 33 }`, /forwards\.db\.warm/],
  ["no stream at all", `  db: { listen: "unix:x", maxStreams: 0 }`, /forwards\.db\.maxStreams/],
];

for (const [what, yaml, place] of REFUSED) {
  test(`SWP-1: ${what} is refused with its place`, () => {
    assert.throws(
      () => forwardsOf(yaml),
      (error) => {
        assert.ok(isTautlineError(error) && error.code === "config.invalid", String(error));
        assert.match(error.message, place);
        return true;
      },
    );
  });
}
