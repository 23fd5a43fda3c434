import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import {
  type CommandResult,
  runLine,
  type SeenRequest,
  TEST_NOW_MS,
  withFakeCentral,
} from "../test-world.ts";

const ONE = "0197d3b1-7c00-7abc-8def-0123456789ab";
const TWO = "0197d3b1-7c00-7abc-8def-0123456789ac";
const THREE = "0197d3b1-7c00-7abc-8def-0123456789ad";

const part = {
  kind: "control",
  component: "agent",
  verdict: "cut off",
  reason: "no_identity",
  level: "plaintext",
  group: null,
  lastAt: "2026-11-22T09:03:15.123Z",
  lastAddress: "192.0.2.7",
  live: false,
  wouldRefuse: 12,
  moveTo: null,
};
const agent = {
  id: ONE,
  name: "pump-7",
  namespace: "default",
  state: "unproven",
  verdict: "cut off",
  reason: "no_identity",
  remedy: `'tautline agents promote ${ONE}' tells it where to join.`,
  upgrade: "remote",
  parts: [part],
};
const stays = { verdict: "stays", reason: "meets_policy" };
const live = { ...part, ...stays, level: "mtls", lastAddress: "192.0.2.8", live: true };
const plan = {
  agents: [
    agent,
    { ...agent, id: TWO, name: "pump-8", remedy: agent.remedy.replace(ONE, TWO) },
    { ...agent, ...stays, id: THREE, name: "web-1", remedy: "", parts: [part, live] },
  ],
  left: 0,
  totals: { stays: 1, moves: 0, unknown: 0, "cut off": 2 },
  wanted: { accept: ["mtls"], clientProof: "none", postQuantum: "prefer", loopback: "keep" },
  since: "2026-10-29T09:03:15.123Z",
};

type Asked = CommandResult & { readonly seen: readonly SeenRequest[] };

function ask(
  line: string,
  body: object = plan,
  reopenings: readonly object[] = [],
): Promise<Asked> {
  const answers = {
    "POST /api/v1/policy/plan": { body },
    "GET /api/v1/policy/reopenings": { body: { items: reopenings } },
  };
  return withTempFolder((folder) =>
    withFakeCentral(folder, answers, async (seen) => ({
      ...(await runLine(`policy plan ${line} --data ${folder}`, folder)),
      seen: [...seen],
    })),
  );
}

describe("policy plan", () => {
  it("QM-12: tells who would be cut off, when it came last and from where, and what to do, once a reason", async () => {
    const { code, stdout, stderr } = await ask("--floor mtls");
    assert.deepEqual([code, stderr], [0, ""]);
    const lines = stdout.split("\n").map((line) => line.replaceAll(/ {2,}/g, "  "));
    assert.deepEqual(lines, [
      "stays 1, moves 0, unknown 0, cut off 2",
      "",
      "VERDICT  AGENT  NAME  REASON  KIND  COMPONENT  LEVEL  LAST  FROM  REFUSED",
      `cut off  ${ONE}  pump-7  no_identity  control  agent  plaintext  2026-11-22T09:03:15Z  192.0.2.7  12`,
      `cut off  ${TWO}  pump-8  no_identity  control  agent  plaintext  2026-11-22T09:03:15Z  192.0.2.7  12`,
      `stays  ${THREE}  web-1  meets_policy  control  agent  mtls  now  192.0.2.8  24`,
      "",
      "What to do",
      "  no_identity: 'tautline agents promote ID' tells it where to join.",
      "",
    ]);
  });

  it("sends what was said and nothing else: central has the defaults", async () => {
    const { seen } = await ask("--floor tls");
    assert.deepEqual(seen[0]?.body, { namespace: "default", floor: "tls", limit: 10_000 });
    const all =
      "--accept basic,mtls --kind control --require client-proof --post-quantum require --loopback off --namespace lab --since 24h --verdict cut-off --limit 7 --json";
    const asked = await ask(all);
    assert.deepEqual(asked.seen[0]?.body, {
      namespace: "lab",
      accept: ["basic", "mtls"],
      kinds: ["control"],
      clientProof: "require",
      postQuantum: "require",
      loopback: "off",
      since: new Date(TEST_NOW_MS - 86_400_000).toISOString(),
      limit: 7,
      verdicts: ["cut off"],
    });
    assert.deepEqual(JSON.parse(asked.stdout), plan);
  });

  it("a plan is no refusal, and one that is cut says so", async () => {
    const { code, stderr } = await ask("--floor mtls --limit 3", { ...plan, left: 4 });
    assert.equal(code, 0);
    assert.match(stderr, /^4 more are not shown/);
    const none = await ask("--floor mtls", { ...plan, agents: [], totals: {} });
    assert.match(none.stdout, /^stays 0, .*\n\nNo agents are to be shown\./);
  });

  it("A25: remarks where plaintext is re-opened: that is in no plan", async () => {
    const open = { id: 3, from: ["192.0.2.0/24"], until: "2026-11-22T12:03:15Z", endedAt: null };
    const { stderr, stdout } = await ask("--floor mtls", plan, [open]);
    assert.match(stderr, /^Plaintext is re-opened to 192\.0\.2\.0\/24 until .* \(re-opening 3\)\./);
    assert.doesNotMatch(stdout, /re-opened/);
    assert.equal((await ask("--floor mtls --json", plan, [open])).stderr, "");
  });

  it("refuses a slip before central is asked", async () => {
    const slips: readonly [line: string, says: RegExp][] = [
      ["", /cli\.usage: It is not said which levels are wanted/],
      ["--floor tls --accept tls", /cli\.usage: Both --floor and --accept are given/],
      ["--floor secure", /Write one of plaintext, basic/],
      ["--accept tls,secure", /cli\.usage: --accept takes levels/],
      ["--floor tls --require proof", /Allowed choices are client-proof/],
      ["--floor tls --post-quantum always", /Allowed choices are require, prefer/],
      ["--floor tls --loopback no", /Allowed choices are keep, off/],
      ["--floor tls --verdict fine", /Allowed choices are stays, moves, unknown, cut-off/],
    ];
    for (const [line, says] of slips) {
      const { code, stderr, seen } = await ask(line);
      assert.deepEqual([code, seen], [2, []], line);
      assert.match(stderr, says, line);
    }
  });
});
