import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import {
  changeSettings,
  type ListenerChange,
  type ListenerSettings,
  placeOf,
  requireApart,
} from "./listener-settings.ts";

const fresh: ListenerSettings = {
  agents: { bind: "public", port: 9150, levels: ["tls", "mtls"] },
  plaintext: { bind: "off", port: 8787 },
  isShared: false,
};
const shared: ListenerSettings = { ...fresh, isShared: true };
const open: ListenerSettings = { ...fresh, plaintext: { bind: "public", port: 8787 } };

function refusalOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(isTautlineError(error));
    const { path } = error.detail;
    return typeof path === "string" ? `${error.code} ${path}` : error.code;
  }
  return "no refusal";
}

describe("a listener is where and what it is set to", () => {
  it("a fresh install has the secure port, with tls and mtls, and no plaintext", () => {
    const agents = { bind: "public", port: 9150, levels: ["tls", "mtls"] };
    assert.deepEqual(placeOf(fresh, "agents"), agents);
    assert.deepEqual(placeOf(fresh, "plaintext"), { bind: "off", port: 8787, levels: [] });
  });

  it("on a shared port both names are in one place", () => {
    const levels = ["plaintext", "tls", "mtls"];
    assert.deepEqual(placeOf(shared, "agents"), { bind: "public", port: 9150, levels });
    const plaintext = { bind: "public", port: 9150, levels: ["plaintext"] };
    assert.deepEqual(placeOf(shared, "plaintext"), plaintext);
  });
});

describe("a change", () => {
  it("leaves what it does not name", () => {
    assert.deepEqual(changeSettings(fresh, "agents", {}), fresh);
    assert.deepEqual(changeSettings(fresh, "plaintext", {}), fresh);
    assert.deepEqual(changeSettings(fresh, "plaintext", { port: 1 }).plaintext, {
      bind: "off",
      port: 1,
    });
  });

  it("keeps levels in rising order, each once", () => {
    const { agents } = changeSettings(fresh, "agents", { levels: ["mtls", "basic", "mtls"] });
    assert.deepEqual(agents.levels, ["basic", "mtls"]);
  });

  it("shares the secure port by either name", () => {
    assert.deepEqual(changeSettings(open, "plaintext", { shared: true }).isShared, true);
    const change: ListenerChange = { shared: true, levels: ["plaintext", "mtls"] };
    const both = changeSettings(fresh, "agents", change);
    assert.deepEqual(placeOf(both, "agents").levels, ["plaintext", "mtls"]);
  });

  it("takes plaintext off a shared port whose levels are listed without it", () => {
    const next = changeSettings(shared, "agents", { levels: ["tls"] });
    assert.equal(next.isShared, false);
    assert.equal(placeOf(next, "plaintext").bind, "off");
    const kept = changeSettings(shared, "agents", { levels: ["plaintext", "tls"] });
    assert.equal(kept.isShared, true);
  });

  it("gives plaintext a port of its own again, for those it was for", () => {
    const next = changeSettings(shared, "plaintext", { port: 8787 });
    assert.deepEqual([next.isShared, next.plaintext], [false, { bind: "public", port: 8787 }]);
    assert.equal(changeSettings(shared, "plaintext", { bind: "off" }).isShared, false);
  });
});

const refused: readonly (readonly [
  what: string,
  now: ListenerSettings,
  name: "agents" | "plaintext",
  change: ListenerChange,
  refusal: string,
])[] = [
  ["equal ports (QM-7)", open, "plaintext", { port: 9150 }, "central.ports_equal"],
  ["equal ports by the other name", open, "agents", { port: 8787 }, "central.ports_equal"],
  [
    "an own port that is the secure one",
    shared,
    "plaintext",
    { port: 9150 },
    "central.ports_equal",
  ],
  ["no secure level", fresh, "agents", { levels: [] }, "api.invalid levels"],
  ["plaintext alone", shared, "agents", { levels: ["plaintext"] }, "api.invalid levels"],
  ["plaintext by accident", open, "agents", { levels: ["plaintext", "tls"] }, "api.invalid levels"],
  ["a secure port that is off", fresh, "agents", { bind: "off" }, "api.invalid bind"],
  ["a secure level in clear", fresh, "plaintext", { levels: ["tls"] }, "api.invalid levels"],
  ["no level in clear", fresh, "plaintext", { levels: [] }, "api.invalid levels"],
  ["a third port", fresh, "plaintext", { shared: true, port: 1 }, "api.invalid port"],
  ["a bind of half a port", fresh, "plaintext", { shared: true, bind: "off" }, "api.invalid bind"],
];
for (const [what, now, name, change, refusal] of refused) {
  test(`${what} is refused`, () => {
    assert.equal(
      refusalOf(() => changeSettings(now, name, change)),
      refusal,
    );
  });
}

test("QM-7: equal ports are no matter where plaintext is off or shares on purpose, nor are two free ones", () => {
  const equal = { bind: "off", port: 9150 } as const;
  requireApart({ ...fresh, plaintext: equal });
  requireApart({ ...shared, plaintext: { ...equal, bind: "public" } });
  const free = { ...fresh.agents, port: 0 };
  requireApart({ ...fresh, agents: free, plaintext: { bind: "public", port: 0 } });
});
