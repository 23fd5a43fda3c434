import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LEVELS, type Level } from "@tautline/protocol";
import * as fc from "fast-check";
import {
  changeSettings,
  LISTENER_BINDS,
  type ListenerSettings,
  SECURE_LEVELS,
} from "../listeners/listener-settings.ts";
import {
  bothOf,
  closedTo,
  type Heard,
  heardOf,
  openedFor,
  restoredTo,
  stepsTo,
} from "./heard-rule.ts";

const ALL: Heard = { secure: SECURE_LEVELS, plaintext: "public", isShared: false };
const FRESH: Heard = { secure: ["tls", "mtls"], plaintext: "off", isShared: false };

/** What listeners make of the steps from one to the other. */
function follow(now: Heard, then: Heard): Heard {
  const settings: ListenerSettings = {
    agents: { bind: "public", port: 9150, levels: now.secure },
    plaintext: { bind: now.plaintext, port: 8787 },
    isShared: now.isShared,
  };
  const after = stepsTo(now, then).reduce(
    (each, { name, change }) => changeSettings(each, name, change),
    settings,
  );
  return heardOf(after);
}

describe("what is listened to before a policy is set", () => {
  const rows: readonly [what: string, now: Heard, accept: readonly Level[], then: Heard][] = [
    [
      "what it accepts, and all there was",
      FRESH,
      ["basic"],
      { ...FRESH, secure: ["basic", "tls", "mtls"] },
    ],
    ["nothing new where it accepts less", ALL, ["mtls"], ALL],
    ["plaintext for everybody where it accepts that", FRESH, LEVELS, ALL],
    [
      "no port of its own where plaintext shares one",
      { ...ALL, plaintext: "off", isShared: true },
      LEVELS,
      { ...ALL, plaintext: "off", isShared: true },
    ],
  ];
  for (const [what, now, accept, then] of rows) {
    it(what, () => {
      assert.deepEqual(openedFor(now, accept), then);
      assert.deepEqual(follow(now, then), then);
    });
  }
});

describe("what is listened to when policies need less", () => {
  const closed = { secure: ["tls", "mtls"], plaintext: "loopback", isShared: false } as const;
  const rows: readonly [
    what: string,
    now: Heard,
    needed: readonly Level[],
    loopback: "keep" | "off",
    then: Heard,
  ][] = [
    ["QM-13: plaintext stays for this host", ALL, ["mtls"], "keep", closed],
    ["QM-13: not with --loopback off", ALL, ["mtls"], "off", { ...closed, plaintext: "off" }],
    ["whoever joins or renews is heard", ALL, ["mtls"], "keep", closed],
    [
      "a level that anybody needs stays",
      ALL,
      ["basic", "mtls"],
      "keep",
      { ...closed, secure: ["basic", "tls", "mtls"] },
    ],
    [
      "plaintext that anybody needs stays",
      ALL,
      ["plaintext", "mtls"],
      "off",
      { ...ALL, secure: ["tls", "mtls"] },
    ],
    ["nothing is opened: a fresh central has no plaintext port", FRESH, ["mtls"], "keep", FRESH],
    [
      "nothing is opened: mtls where it was not heard",
      { ...ALL, secure: ["basic"] },
      ["mtls"],
      "keep",
      { ...closed, secure: ["basic"] },
    ],
    [
      "a shared port goes on hearing plaintext for this host",
      { ...ALL, plaintext: "off", isShared: true },
      ["mtls"],
      "keep",
      { secure: ["tls", "mtls"], plaintext: "off", isShared: true },
    ],
    [
      "a shared port hears no plaintext with --loopback off",
      { ...ALL, plaintext: "off", isShared: true },
      ["mtls"],
      "off",
      FRESH,
    ],
  ];
  for (const [what, now, needed, loopback, then] of rows) {
    it(what, () => {
      assert.deepEqual(closedTo(now, needed, loopback), then);
      assert.deepEqual(follow(now, then), then);
    });
  }
});

describe("what is listened to when a change is undone", () => {
  const tight = closedTo(ALL, ["mtls"], "keep");

  it("what it closed is open again", () => {
    assert.deepEqual(restoredTo(tight, ALL, tight), ALL);
  });

  it("what an operator closed or opened meanwhile stays so", () => {
    const now: Heard = { ...tight, plaintext: "off" };
    assert.deepEqual(restoredTo(now, ALL, tight), { ...ALL, plaintext: "off" });
    const before: Heard = { ...FRESH, secure: ["advanced", "tls", "mtls"] };
    const opened: Heard = { ...FRESH, secure: ["basic", "tls", "mtls"] };
    const then = restoredTo(opened, before, FRESH);
    assert.deepEqual(then.secure, ["basic", "advanced", "tls", "mtls"]);
  });

  it("what it opened below tls is closed again, and a safe level is left open", () => {
    const old: Heard = { secure: ["basic"], plaintext: "off", isShared: false };
    const open = openedFor(old, LEVELS);
    const then: Heard = { secure: ["basic", "tls", "mtls"], plaintext: "off", isShared: false };
    assert.deepEqual(restoredTo(open, old, open), then);
  });
});

const heards: fc.Arbitrary<Heard> = fc.record({
  secure: fc.subarray([...SECURE_LEVELS], { minLength: 1 }),
  plaintext: fc.constantFrom(...LISTENER_BINDS),
  isShared: fc.boolean(),
});
/** A shared port's name has no bind of its own. */
const same = (one: Heard, other: Heard): boolean =>
  one.secure.join() === other.secure.join() &&
  one.isShared === other.isShared &&
  (one.isShared || one.plaintext === other.plaintext);

it("listeners get from any state to any other by the steps, and both are open in between where asked", () => {
  fc.assert(
    fc.property(heards, heards, (now, then) => {
      assert.ok(same(follow(now, then), then), JSON.stringify(stepsTo(now, then)));
      const both = bothOf(now, then);
      for (const level of [...now.secure, ...then.secure]) assert.ok(both.secure.includes(level));
      assert.equal(both.isShared, now.isShared || then.isShared);
    }),
  );
});

it("QM-13: closing opens nothing, whatever there is and whatever is needed", () => {
  fc.assert(
    fc.property(
      heards,
      fc.subarray([...LEVELS]),
      fc.constantFrom("keep", "off"),
      (now, needed, loopback) => {
        const then = closedTo(now, needed, loopback);
        assert.ok(then.secure.length > 0);
        assert.ok(then.secure.every((level) => now.secure.includes(level)));
        assert.deepEqual(bothOf(now, then), { ...now });
      },
    ),
  );
});
