import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import {
  type Answers,
  type CommandResult,
  runLine,
  type SeenRequest,
  withFakeCentral,
} from "../test-world.ts";

const AGENT = "0197d3b1-7c00-7abc-8def-0123456789ab";

type Asked = CommandResult & { readonly seen: readonly SeenRequest[] };

function ask(line: string, answers: Answers): Promise<Asked> {
  return withTempFolder((folder) =>
    withFakeCentral(folder, answers, async (seen) => ({
      ...(await runLine(`${line} --data ${folder}`, folder)),
      seen: [...seen],
    })),
  );
}

const row = {
  name: "db",
  namespace: "lab",
  agent: null,
  target: "db.example:5432",
  alsoLocal: false,
  proxyProtocol: true,
  idleMs: 600_000,
  totalMs: 90_000_000,
  maxStreams: 4_096,
  createdAt: "2026-11-22T09:03:15Z",
  createdBy: "operator:ana",
};

describe("forwards allow", () => {
  it("sends what was said and nothing else: central has the defaults", async () => {
    const answers = { "POST /api/v1/forwards": { status: 201, body: row } };
    const { code, stdout, seen } = await ask(
      "forwards allow db --target db.example:5432 --namespace lab",
      answers,
    );
    assert.deepEqual(
      [code, stdout],
      [0, "Forward db leads to db.example:5432 for agents of namespace lab.\n"],
    );
    assert.deepEqual(seen[0]?.body, { name: "db", namespace: "lab", target: "db.example:5432" });
  });

  it("sends every option that was given, times in milliseconds", async () => {
    const own = { ...row, agent: AGENT };
    const answers = { "POST /api/v1/forwards": { status: 201, body: own } };
    const { stdout, seen } = await ask(
      `forwards allow db --target [::1]:5432 --agent ${AGENT} --proxy-protocol --idle 90s --total 1h --max-streams 7 --also-local`,
      answers,
    );
    assert.equal(stdout, `Forward db leads to db.example:5432 for agent ${AGENT}.\n`);
    assert.deepEqual(seen[0]?.body, {
      name: "db",
      namespace: "default",
      agent: AGENT,
      target: "[::1]:5432",
      proxyProtocol: true,
      idleMs: 90_000,
      totalMs: 3_600_000,
      maxStreams: 7,
      alsoLocal: true,
    });
  });

  it("answers scripts with the whole allowance", async () => {
    const answers = { "POST /api/v1/forwards": { status: 201, body: row } };
    const { stdout } = await ask("forwards allow db --target db.example:5432 --json", answers);
    assert.deepEqual(JSON.parse(stdout), row);
  });

  const refused: [line: string, code: string][] = [
    ["forwards allow db", "cli.usage"],
    ["forwards allow Db --target a:1", "value.forward_name"],
    ["forwards allow db --target a:1 --agent web-1", "value.agent_id"],
    ["forwards allow db --target a:1 --idle 10", "cli.usage"],
    ["forwards allow db --target a:1 --max-streams 0", "cli.usage"],
    ["forwards deny DB", "value.forward_name"],
    ["forwards show db --agent x", "value.agent_id"],
  ];
  for (const [line, name] of refused) {
    it(`'${line}' is refused by ${name} before central is asked`, async () => {
      const { code, stderr, seen } = await ask(line, {});
      assert.ok(stderr.includes(name), stderr);
      assert.deepEqual([code, seen.length], [2, 0]);
    });
  }
});

describe("forwards list, show and deny", () => {
  it("list shows where each leads, for whom, and its limits", async () => {
    const items = [row, { ...row, agent: AGENT, alsoLocal: true, idleMs: 1_500 }];
    const { stdout } = await ask("forwards list --namespace lab", {
      "GET /api/v1/forwards?namespace=lab": { body: { items } },
    });
    const [, first = "", second = ""] = stdout.split("\n");
    assert.match(first, /^db +lab +- +db\.example:5432 +no +yes +10m +25h +4096 +1h ago$/);
    assert.match(
      second,
      new RegExp(`^db +lab +${AGENT} +db\\.example:5432 +yes +yes +1500 ms +25h +4096 +1h ago$`),
    );
  });

  it("list of nothing says how to allow something", async () => {
    const { stdout } = await ask("forwards list", {
      "GET /api/v1/forwards": { body: { items: [] } },
    });
    assert.match(stdout, /^No forward is allowed\. .*'tautline forwards allow NAME --target/);
  });

  it("show asks for the one that is meant", async () => {
    const { stdout } = await ask(`forwards show db --namespace lab --agent ${AGENT}`, {
      [`GET /api/v1/forwards/db?namespace=lab&agent=${AGENT}`]: { body: { ...row, agent: AGENT } },
    });
    assert.match(stdout, new RegExp(`^for +agent ${AGENT}$`, "m"));
    assert.match(stdout, /^total limit +25h$/m);
    assert.match(stdout, /^allowed +2026-11-22T09:03:15Z \(1h ago\) by operator:ana$/m);
  });

  it("deny takes away one allowance and says whose", async () => {
    const answers = { "DELETE /api/v1/forwards/db?namespace=lab": { status: 204, body: "" } };
    const { code, stdout } = await ask("forwards deny db --namespace lab", answers);
    assert.deepEqual(
      [code, stdout],
      [0, "Forward db is no longer allowed for agents of namespace lab.\n"],
    );
    const { stdout: json } = await ask("forwards deny db --namespace lab --json", answers);
    assert.deepEqual(JSON.parse(json), { name: "db", namespace: "lab" });
  });
});
