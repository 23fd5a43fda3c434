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

  it("--reverse lets operators open a service, and sends no target", async () => {
    const service = { ...row, direction: "in", target: null, operatorRole: "admin", agent: AGENT };
    const answers = { "POST /api/v1/forwards": { status: 201, body: service } };
    const { stdout, seen } = await ask(
      `forwards allow db --reverse --agent ${AGENT} --operator-role admin`,
      answers,
    );
    assert.equal(stdout, `Operators may open the service db of agent ${AGENT}.\n`);
    assert.deepEqual(seen[0]?.body, {
      name: "db",
      namespace: "default",
      agent: AGENT,
      direction: "in",
      operatorRole: "admin",
    });
  });

  it("answers scripts with the whole allowance", async () => {
    const answers = { "POST /api/v1/forwards": { status: 201, body: row } };
    const { stdout } = await ask("forwards allow db --target db.example:5432 --json", answers);
    assert.deepEqual(JSON.parse(stdout), row);
  });

  const refused: [line: string, code: string][] = [
    ["forwards allow db", "cli.usage"],
    ["forwards allow db --target a:1 --reverse", "cli.usage"],
    ["forwards allow db --target a:1 --operator-role admin", "cli.usage"],
    ["forwards allow db --reverse --operator-role viewer", "cli.usage"],
    ["forwards allow db --reverse --proxy-protocol", "cli.usage"],
    ["forwards allow db --reverse --also-local", "cli.usage"],
    ["forwards open --service db", "cli.usage"],
    [`forwards open --agent ${AGENT}`, "cli.usage"],
    [`forwards open --agent ${AGENT} --service db --stdio --listen 127.0.0.1:0`, "cli.usage"],
    [`forwards open --agent ${AGENT} --service db --listen 0.0.0.0:0`, "cli.usage"],
    [`forwards open --agent ${AGENT} --service db --listen 127.0.0.1:65536`, "cli.usage"],
    [`forwards open --agent ${AGENT} --service db --listen localhost:1`, "cli.usage"],
    [`forwards open --agent ${AGENT} --service DB`, "value.forward_name"],
    ["forwards open --agent web-1 --service db", "value.agent_id"],
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

  it("list and show say of a service that its agent knows where it is, and who may open it", async () => {
    const service = { ...row, direction: "in", target: null, operatorRole: "operator" };
    const { stdout } = await ask("forwards list", {
      "GET /api/v1/forwards": { body: { items: [service] } },
    });
    assert.match(stdout, /^db +lab +- +the agent's service +no/m);
    const shown = await ask("forwards show db --namespace lab", {
      "GET /api/v1/forwards/db?namespace=lab": { body: service },
    });
    assert.match(shown.stdout, /^service +where the agent's own settings say$/m);
    assert.match(shown.stdout, /^opened by +operators with the role operator or above$/m);
    assert.doesNotMatch(shown.stdout, /^target |^PROXY/m);
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
