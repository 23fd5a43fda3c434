import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "@tautline/daemon";
import * as fc from "fast-check";
import { isTautlineError } from "@tautline/protocol";
import { agentConfigSchema, type AgentConfig } from "../config.ts";
import { judgeRemoteForwards, requireRemoteForwards } from "./remote-forwards.ts";

const read = (yaml: string): AgentConfig =>
  parseConfig("agent", "agent.yaml", yaml, agentConfigSchema);

const HOST = read(`
forwards:
  own: { listen: "127.0.0.1:9000" }
  sock: { listen: "unix:own.sock" }
  any: { listen: "127.0.0.1:0" }
remoteForwards:
  - { listen: "127.0.0.1:5432", names: [db], idleTimeout: 5s, maxStreams: 3 }
  - { listen: "127.0.0.1:5433", names: [db, other] }
  - { listen: "127.0.0.1:15000-15099", names: ["*"] }
  - { listen: "[::1]:9000-9001", names: ["*"] }
`);

/** [name, place, why it is refused; undefined where it is not]. */
const CASES: readonly [string, string, RegExp | undefined][] = [
  ["db", "127.0.0.1:5432", undefined],
  ["db", "127.0.0.1:5433", undefined],
  ["other", "127.0.0.1:5433", undefined],
  ["db", "127.0.0.1:15000", undefined],
  ["never-heard-of", "127.0.0.1:15099", undefined],
  ["web", "[::1]:9000", undefined],
  ["other", "127.0.0.1:5432", /do not list that place/],
  ["db", "127.0.0.1:5434", /do not list that place/],
  ["db", "[::1]:5432", /do not list that place/],
  ["db", "127.0.0.1:14999", /do not list that place/],
  ["db", "127.0.0.1:15100", /do not list that place/],
  ["db", "[::1]:15000", /do not list that place/],
  ["db", "0.0.0.0:5432", /do not list that place/],
  ["db", "192.0.2.1:5432", /do not list that place/],
  ["db", "unix:db.sock", /do not list that place/],
  ["db", "127.0.0.1:15000-15001", /do not list that place/],
  ["db", "127.0.0.1:0", /do not list that place/],
  ["own", "127.0.0.1:15000", /has a forward of that name/],
  ["any", "127.0.0.1:15000", /has a forward of that name/],
  ["db", "127.0.0.1:9000", /its forward 'own' listens there/],
];

for (const [name, listen, reason] of CASES) {
  test(`${name} at ${listen} is ${reason === undefined ? "allowed" : "refused"}`, () => {
    const { accepted, refused } = judgeRemoteForwards({ [name]: listen }, HOST);
    if (reason === undefined) {
      assert.deepEqual(refused, []);
      assert.equal(accepted[name]?.listen, listen);
      return requireRemoteForwards({ [name]: listen }, HOST);
    }
    assert.deepEqual(accepted, {});
    assert.throws(
      () => requireRemoteForwards({ [name]: listen }, HOST),
      (error) =>
        isTautlineError(error) &&
        error.code === "agent.forward_not_listed" &&
        reason.test(error.message) &&
        error.message.includes(`'${name}' at ${listen}`),
    );
  });
}

test("limits are those of the rule that lets a forward in, and central's nowhere", () => {
  const { accepted } = judgeRemoteForwards({ db: "127.0.0.1:5432" }, HOST);
  assert.deepEqual(accepted["db"], {
    listen: "127.0.0.1:5432",
    open: false,
    idleTimeout: 5_000,
    totalTimeout: 86_400_000,
    maxStreams: 3,
    warm: 1,
  });
});

test("a host whose file says nothing of it lets central set none, and takes away no more than is refused", () => {
  assert.throws(() => requireRemoteForwards({ db: "127.0.0.1:5432" }, read("")), /list none/);
  requireRemoteForwards({}, read(""));
  const wanted = { db: "127.0.0.1:5432", x: "127.0.0.1:1" };
  const { accepted, refused } = judgeRemoteForwards(wanted, HOST);
  assert.deepEqual([Object.keys(accepted), refused.length], [["db"], 1]);
});

test("of any range exactly its ports on its own address are allowed, and any other text is no sound setting", () => {
  const port = fc.nat({ max: 66_000 });
  const host = fc.constantFrom("127.0.0.1", "[::1]", "0.0.0.0", "127.0.0.2");
  fc.assert(
    fc.property(host, port, port, port, (place, first, last, wanted) => {
      const rules = [{ listen: `${place}:${first}-${last}`, names: ["*"] }];
      const isSound =
        ["127.0.0.1", "[::1]"].includes(place) && first >= 1 && first <= last && last <= 65_535;
      const parsed = agentConfigSchema.safeParse({ remoteForwards: rules });
      assert.equal(parsed.success, isSound);
      if (!parsed.success) return;
      for (const [asked, isOwn] of [
        [`${place}:${wanted}`, true],
        [`${place === "[::1]" ? "127.0.0.1" : "[::1]"}:${wanted}`, false],
      ] as const) {
        const { refused } = judgeRemoteForwards({ x: asked }, parsed.data);
        assert.equal(refused.length === 0, isOwn && wanted >= first && wanted <= last);
      }
    }),
  );
});

const UNREADABLE: readonly [string, RegExp][] = [
  ['{ listen: "0.0.0.0:5432", names: [db] }', /listen: must be 127\.0\.0\.1:PORT/],
  ['{ listen: "127.0.0.1:0", names: [db] }', /listen: must be/],
  ['{ listen: "127.0.0.1:2-1", names: [db] }', /listen: must be/],
  ['{ listen: "127.0.0.1:1-65536", names: [db] }', /listen: must be/],
  ['{ listen: "unix:db.sock", names: [db] }', /listen: must be/],
  ['{ listen: "localhost:1", names: [db] }', /listen: must be/],
  ['{ listen: "127.0.0.1:1", names: [] }', /names/],
  ['{ listen: "127.0.0.1:1" }', /names/],
  ['{ listen: "127.0.0.1:1", names: ["d*"] }', /must be the name of a forward/],
  ['{ listen: "127.0.0.1:1", names: [db], command: id }', /command/],
];

for (const [text, reason] of UNREADABLE) {
  test(`remoteForwards: [${text}] is no sound setting`, () => {
    assert.throws(() => read(`remoteForwards: [${text}]`), reason);
  });
}
