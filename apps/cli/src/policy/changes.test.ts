import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import {
  type Answers,
  type CommandResult,
  runLine,
  type SeenRequest,
  TEST_NOW_MS,
  withFakeCentral,
} from "../test-world.ts";

const ONE = "0197d3b1-7c00-7abc-8def-0123456789ab";
const TWO = "0197d3b1-7c00-7abc-8def-0123456789ac";

const counts = { watched: 3, moving: 1, met: 2, missing: 0, lost: 0, excepted: 0 };
const change = {
  id: 7,
  namespace: "default",
  kinds: ["control", "forward"],
  policy: { accept: ["mtls"], clientProof: "none", postQuantum: "prefer", loopback: "keep" },
  step: "moving",
  reason: "",
  undoneBy: "",
  startedAt: "2026-11-22T09:03:15Z",
  startedBy: "operator:ana",
  stepAt: "2026-11-22T09:03:15Z",
  endedAt: null,
  windowMs: 900_000,
  spentMs: 4_321,
  undoIf: 5,
  undo: true,
  totals: { stays: 2, moves: 1, unknown: 0, "cut off": 0 },
  counts,
};
const agents = [
  {
    id: ONE,
    namespace: "default",
    verdict: "moves",
    watched: true,
    moveTo: "mtls",
    met: false,
    excepted: true,
    lost: false,
    ended: false,
    reason: "not_moved",
  },
];
const done = { ...change, step: "done", endedAt: "2026-11-22T09:20:15Z", agents };
const undone = { ...done, step: "undone", reason: "agents_lost", undoneBy: "central" };

type Asked = CommandResult & { readonly seen: readonly SeenRequest[] };

function ask(line: string, answers: Answers): Promise<Asked> {
  return withTempFolder((folder) =>
    withFakeCentral(folder, answers, async (seen) => ({
      ...(await runLine(`policy ${line} --data ${folder}`, folder)),
      seen: [...seen],
    })),
  );
}

const APPLY = "POST /api/v1/policy/apply";
const UNDO = "POST /api/v1/policy/undo";
const PAGE = "GET /api/v1/policy/changes/7";

describe("policy apply", () => {
  it("shows what happens, one line a thing, and how it ends", async () => {
    const answers = { [APPLY]: { status: 201, body: change }, [PAGE]: { body: done } };
    const { code, stdout, stderr } = await ask("apply --floor mtls", answers);
    assert.deepEqual(stderr.split("\n"), [
      "Change 7 of the policy of namespace default has begun: stays 2, moves 1, unknown 0, cut off 0.",
      "moving: 1 of 3 linked agents have still to climb",
      "",
    ]);
    assert.deepEqual(
      [code, stdout],
      [
        0,
        "Change 7 of the policy of namespace default is done. Agents: watched 3, met 2, excepted 0, lost 0.\n",
      ],
    );
  });

  it("sends what was said and nothing else: central has the defaults", async () => {
    const answers = { [APPLY]: { status: 201, body: change } };
    const { seen, stdout } = await ask("apply --floor tls --no-wait", answers);
    assert.deepEqual(seen[0]?.body, { namespace: "default", floor: "tls" });
    assert.match(stdout, /^Change 7 .* has begun: 'tautline policy history 7' shows it\.\n$/);
    const all = `apply --accept basic,mtls --kind control --since 24h --allow-cut-off ${ONE},${TWO} --window 1h --undo-if 0.5 --no-undo --no-wait --json`;
    const asked = await ask(all, answers);
    assert.deepEqual(asked.seen[0]?.body, {
      namespace: "default",
      accept: ["basic", "mtls"],
      kinds: ["control"],
      since: new Date(TEST_NOW_MS - 86_400_000).toISOString(),
      allowCutOff: [ONE, TWO],
      windowMs: 3_600_000,
      undoIf: 0.5,
      undo: false,
    });
    assert.deepEqual(JSON.parse(asked.stdout), change);
  });

  it("fails where central has taken it back, and says why", async () => {
    const answers = { [APPLY]: { status: 201, body: change }, [PAGE]: { body: undone } };
    const { code, stdout, stderr } = await ask("apply --floor mtls", answers);
    assert.equal(code, 1);
    assert.match(stdout, /is undone: more agents were lost than --undo-if allows\. Agents:/);
    assert.match(
      stderr,
      /policy\.undone: Change 7 of the policy was undone: more agents were lost/,
    );
    const scripted = await ask("apply --floor mtls --json", answers);
    assert.deepEqual([scripted.code, JSON.parse(scripted.stdout)], [1, undone]);
  });

  const slips: readonly [line: string, code: string][] = [
    ["apply", "cli.usage"],
    ["apply --floor tls --undo-if 101", "cli.usage"],
    ["apply --floor tls --undo-if 5%", "cli.usage"],
    ["apply --floor tls --window 10", "cli.usage"],
    ["apply --floor tls --allow-cut-off web-1", "value.agent_id"],
  ];
  for (const [line, name] of slips) {
    it(`'${line}' is refused by ${name} before central is asked`, async () => {
      const { code, stderr, seen } = await ask(line, {});
      assert.ok(stderr.includes(name), stderr);
      assert.deepEqual([code, seen.length], [2, 0]);
    });
  }
});

describe("policy undo", () => {
  it("waits until it is undone", async () => {
    const undoing = { ...change, step: "undoing", reason: "asked" };
    const ended = { ...undone, reason: "asked" };
    const answers = { [UNDO]: { body: undoing }, [PAGE]: { body: ended } };
    const { code, stdout, seen } = await ask("undo --namespace lab", answers);
    assert.equal(code, 0);
    assert.match(stdout, /^Change 7 .* is undone: an operator took it back\./);
    assert.deepEqual(seen[0]?.body, { namespace: "lab" });
    const quick = await ask("undo --no-wait", answers);
    assert.equal(quick.stdout, "Change 7 of the policy of namespace default is being undone.\n");
  });
});

describe("policy history", () => {
  it("lists the changes, and says what to do where there was none", async () => {
    const answers = { "GET /api/v1/policy/changes": { body: { items: [done] } } };
    const { stdout } = await ask("history", answers);
    const [head = "", row = ""] = stdout.split("\n").map((each) => each.replaceAll(/ {2,}/g, "  "));
    assert.equal(
      head,
      "CHANGE  NAMESPACE  KINDS  ACCEPTS  STEP  REASON  WATCHED  EXCEPTED  LOST  BEGUN  BY",
    );
    assert.match(
      row,
      /^7  default  control.*forward  mtls  done  -  3  0  0  1h ago  operator:ana$/,
    );
    const none = await ask("history --namespace lab", {
      "GET /api/v1/policy/changes?namespace=lab": { body: { items: [] } },
    });
    assert.match(none.stdout, /^No policy was ever changed/);
  });

  it("shows one with the agents that did not come along", async () => {
    const { stdout } = await ask("history 7", { [PAGE]: { body: undone } });
    assert.match(stdout, /^undone +more agents were lost than --undo-if allows, by central$/m);
    assert.match(stdout, /^undone by itself +when more than 5 % of the watched agents are lost$/m);
    assert.match(
      stdout,
      new RegExp(`^${ONE} +default +moves +excepted +it has not climbed in time$`, "m"),
    );
  });
});
