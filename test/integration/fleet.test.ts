import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchTautline, type LaunchedProcess } from "@tautline/testing";
import {
  callSocket,
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

interface AgentStatus {
  readonly central: { readonly connected: boolean };
  readonly settings: {
    readonly seq: string;
    readonly values: { readonly heartbeatSeconds: number };
  };
  readonly errors: readonly { readonly code: string; readonly text: string }[];
}

interface AuditEntry {
  readonly action: string;
  readonly actor: string;
  readonly subject: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

describe("a fleet of real processes", () => {
  it("two hosts join with one token, obey a change of settings, and go on with a central that was restarted", async (t) => {
    await withCentral(async (central) => {
      const token = await central.token({ uses: 2 });
      const [one, two] = [
        await joinHost(central, "one", token),
        await joinHost(central, "two", token),
      ];
      await using first = run(one);
      await using second = run(two);
      const running = [first, second];
      for (const each of running) {
        assert.deepEqual(pick(await connected(each)), { level: "mtls", group: "X25519MLKEM768" });
      }
      const links = await central.call<Items<ListedLink>>("GET", "/api/v1/links");
      assert.deepEqual(
        links.items.map(({ level }) => level),
        ["mtls", "mtls"],
      );
      assert.equal(new Set(links.items.map(({ peerSerial }) => peerSerial)).size, 2);

      await central.call("PUT", "/api/v1/settings", { key: "agents.heartbeatSeconds", value: "7" });
      for (const host of [one, two]) {
        await until(
          async () =>
            (await status(host))?.settings.values.heartbeatSeconds === 7 ? true : undefined,
          t.signal,
        );
      }

      await central.process.kill("SIGTERM");
      const ports = { agents: central.agentsPort, console: central.consolePort };
      await using restarted = launchCentral(central.dataDir, ports);
      const again = await describeCentral(restarted, central.dataDir, central.folder);
      for (const each of running) await connected(each);
      const { items } = await again.call<Items<{ state: string }>>("GET", "/api/v1/agents");
      assert.deepEqual(
        items.map(({ state }) => state),
        ["active", "active"],
      );
      assert.equal((await again.call<{ ok: boolean }>("GET", "/api/v1/audit/verify")).ok, true);
      assert.equal((await first.kill("SIGTERM")).code, 0, first.stderr);
      assert.equal((await second.kill("SIGTERM")).code, 0, second.stderr);
      await until(
        async () =>
          (await again.call<Items<ListedLink>>("GET", "/api/v1/links")).items.length === 0
            ? true
            : undefined,
        t.signal,
      );
    });
  });

  it("a revoked agent loses its link at once, is told why at its next dial, wipes nothing, and both sides can say so (A4, A6)", async (t) => {
    await withCentral(async (central) => {
      const host = await joinHost(central, "one", await central.token());
      await using agent = run(host);
      await connected(agent);
      await central.call("POST", `/api/v1/agents/${host.id}/revoke`);
      const told = await until(
        async () =>
          (await status(host))?.errors.find(({ text }) => text.includes("admission.agent_revoked")),
        t.signal,
      );
      assert.match(told.text, /was revoked/);
      assert.equal((await central.call<Items<ListedLink>>("GET", "/api/v1/links")).items.length, 0);
      const refused = await until(
        async () => (await trail(central)).find(({ action }) => action === "link.refused"),
        t.signal,
      );
      assert.equal(refused.actor, `agent:${host.id}`);
      assert.equal(refused.detail["code"], "admission.agent_revoked");
      assert.equal((await agent.kill("SIGTERM")).code, 0);

      await using offline = launchTautline(["agent", "status", "--json", "--data", host.data]);
      assert.equal((await offline.exited).code, 0);
      assert.match(
        offline.stdout,
        /"state":"active"/,
        "the identity is kept until a person decides",
      );
    });
  });

  it("a token of one central opens nothing at another, and says whose it is", async () => {
    await withCentral(async (central) => {
      await withCentral(async (other) => {
        const token = await other.token();
        await other.process.kill("SIGTERM");
        const ports = { agents: other.agentsPort, console: 0 };
        await using impostor = launchCentral(join(central.folder, "impostor"), ports);
        await describeCentral(impostor, join(central.folder, "impostor"), central.folder);
        const data = join(central.folder, "stray");
        await using joining = launchTautline(["agent", "join", "--json", "--data", data], {
          env: { TAUTLINE_TOKEN: token },
        });
        assert.equal((await joining.exited).code, 1);
        assert.match(joining.stderr, /agent\.token_for_another_central/);
      });
    });
  });
});

interface Host {
  readonly id: string;
  readonly data: string;
}

async function joinHost(central: RunningCentral, name: string, token: string): Promise<Host> {
  const data = join(central.folder, name);
  await using joining = launchTautline(
    ["agent", "join", "--json", "--name", name, "--data", data],
    {
      env: { TAUTLINE_TOKEN: token },
    },
  );
  assert.equal((await joining.exited).code, 0, joining.stderr);
  return { id: (JSON.parse(joining.stdout) as { id: string }).id, data };
}

function run(host: Host): LaunchedProcess {
  return launchTautline(["agent", "run", "--json", "--data", host.data]);
}

function connected(agent: LaunchedProcess) {
  return agent.waitForEvent((event) => event["event"] === "connected");
}

function pick(event: Readonly<Record<string, unknown>>) {
  return { level: event["level"], group: event["group"] };
}

async function status(host: Host): Promise<AgentStatus | undefined> {
  const path = join(host.data, "agent.sock");
  return callSocket<AgentStatus>(path, { method: "GET", path: "/status" }).catch(() => undefined);
}

async function trail(central: RunningCentral): Promise<readonly AuditEntry[]> {
  return (await central.call<Items<AuditEntry>>("GET", "/api/v1/audit?limit=100")).items;
}
