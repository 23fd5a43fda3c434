import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAgentSettings } from "./agent-settings.ts";
import { readLoopbackPort } from "./forward-places.ts";
import { LIMITS } from "./limits.ts";

/** [text, its port]. */
const PLACES: readonly [string, number | undefined][] = [
  ["127.0.0.1:1", 1],
  ["127.0.0.1:5432", 5432],
  ["[::1]:65535", 65_535],
  ["127.0.0.1:65536", undefined],
  ["127.0.0.1:0", undefined],
  ["127.0.0.1:05432", undefined],
  ["127.0.0.1:5432 ", undefined],
  ["127.0.0.1:5432\n", undefined],
  ["127.0.0.2:5432", undefined],
  ["127.1:5432", undefined],
  ["2130706433:5432", undefined],
  ["0.0.0.0:5432", undefined],
  ["192.0.2.1:5432", undefined],
  ["localhost:5432", undefined],
  ["::1:5432", undefined],
  ["[::]:5432", undefined],
  ["[0:0:0:0:0:0:0:1]:5432", undefined],
  ["[::ffff:127.0.0.1]:5432", undefined],
  ["unix:db.sock", undefined],
  ["127.0.0.1:5432-5433", undefined],
  ["127.0.0.1", undefined],
  ["", undefined],
];

for (const [text, port] of PLACES) {
  test(`${JSON.stringify(text)} is ${port === undefined ? "no place where central may let an agent listen" : `port ${port}`}`, () => {
    assert.equal(readLoopbackPort(text), port);
  });
}

test("any text is refused, or is one of the two loopback addresses with a port in its one spelling", () => {
  const likely = fc
    .tuple(fc.constantFrom("127.0.0.1", "[::1]", "127.0.0.2", "[::]"), fc.nat({ max: 70_000 }))
    .map(([host, port]) => `${host}:${port}`);
  fc.assert(
    fc.property(fc.oneof(likely, fc.string({ unit: "binary" })), (text) => {
      const port = readLoopbackPort(text);
      if (port === undefined) return;
      assert.ok(port >= 1 && port <= 65_535);
      assert.ok([`127.0.0.1:${port}`, `[::1]:${port}`].includes(text));
    }),
  );
});

const placesOf = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, `127.0.0.1:${at + 1}`]));

test("forwards of a document are read in the order of their names, and cannot be changed by who reads them", () => {
  const { forwards = {} } = parseAgentSettings(
    '{"forwards":{"web":"[::1]:80","db":"127.0.0.1:5432"}}',
  );
  assert.deepEqual(Object.entries(forwards), [
    ["db", "127.0.0.1:5432"],
    ["web", "[::1]:80"],
  ]);
  assert.ok(Object.isFrozen(forwards));
  const most = { forwards: placesOf(LIMITS.settingsForwards.value) };
  assert.deepEqual(parseAgentSettings(JSON.stringify(most)).forwards, most.forwards);
});

/** [the value of `forwards`, the path the refusal names, the reason]. */
const REFUSED: readonly [string, string, RegExp][] = [
  ["[]", "forwards", /not an object/],
  ["null", "forwards", /not an object/],
  [JSON.stringify(placesOf(LIMITS.settingsForwards.value + 1)), "forwards", /more than 16/],
  ['{"Db":"127.0.0.1:1"}', "forwards.Db", /cannot be the name/],
  ['{"../db":"127.0.0.1:1"}', "forwards.../db", /cannot be the name/],
  ['{"":"127.0.0.1:1"}', "forwards.", /cannot be the name/],
  [`{"${"a".repeat(64)}":"127.0.0.1:1"}`, `forwards.${"a".repeat(64)}`, /cannot be the name/],
  ['{"db":5432}', "forwards.db", /it is not 127\.0\.0\.1:PORT/],
  ['{"db":"0.0.0.0:5432"}', "forwards.db", /it is not 127\.0\.0\.1:PORT/],
  ['{"db":"unix:/etc/passwd"}', "forwards.db", /it is not 127\.0\.0\.1:PORT/],
  ['{"db":{"listen":"127.0.0.1:5432"}}', "forwards.db", /it is not 127\.0\.0\.1:PORT/],
  ['{"db":"127.0.0.1:1","a":"127.0.0.1:1"}', "forwards.db", /the forward 'a' listens there/],
];

for (const [value, path, reason] of REFUSED) {
  test(`A19: forwards of ${value.slice(0, 50)} are refused`, () => {
    const refusal = { code: "value.agent_settings", message: reason };
    assert.throws(
      () => parseAgentSettings(`{"forwards":${value}}`),
      (error: unknown) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, refusal.message);
        assert.deepEqual(
          [Reflect.get(error, "code"), (Reflect.get(error, "detail") as { path: string }).path],
          [refusal.code, path],
        );
        return true;
      },
    );
  });
}
