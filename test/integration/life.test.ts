import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type LaunchedProcess, launchTautline } from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
  withCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

interface AgentRow {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly approval: { readonly code: string } | null;
}

interface Entry {
  readonly action: string;
  readonly actor: string;
}

const rowsOf = async (central: RunningCentral, query = ""): Promise<readonly AgentRow[]> =>
  (await central.call<Items<AgentRow>>("GET", `/api/v1/agents${query}`)).items;

const stateOf = async (central: RunningCentral, id: string): Promise<string | undefined> =>
  (await rowsOf(central)).find((row) => row.id === id)?.state;

const actionsOf = async (central: RunningCentral): Promise<readonly string[]> =>
  (await central.call<Items<Entry>>("GET", "/api/v1/audit?limit=1000")).items.map(
    ({ action }) => action,
  );

const folderOf = (central: RunningCentral, name: string): string => join(central.folder, name);

const tautline = (...args: readonly string[]): LaunchedProcess => launchTautline([...args]);

const joinAs = (central: RunningCentral, name: string, token?: string): LaunchedProcess =>
  tautline(
    "agent",
    "join",
    ...(token === undefined ? [] : [token]),
    "--name",
    name,
    "--data",
    folderOf(central, name),
  );

const runIn = (central: RunningCentral, name: string): LaunchedProcess =>
  tautline("agent", "run", "--json", "--data", folderOf(central, name));

const connected = (agent: LaunchedProcess): Promise<unknown> =>
  agent.waitForEvent((event) => event["event"] === "connected");

const candidate = (central: RunningCentral): Promise<AgentRow> =>
  until(async () => (await rowsOf(central, "?state=pending"))[0]);

async function ended(process: LaunchedProcess, code: number): Promise<void> {
  const { code: actual } = await process.exited;
  assert.equal(actual, code, `${process.stdout}\n${process.stderr}`);
}

/** Joins a host to the end. */
async function joined(central: RunningCentral, name: string, token: string): Promise<string> {
  await using joining = joinAs(central, name, token);
  await ended(joining, 0);
  return joining.stdout.trim();
}

const decide = (central: RunningCentral, id: string, verb: string): Promise<unknown> =>
  central.call("POST", `/api/v1/agents/${id}/${verb}`, verb === "approve" ? {} : undefined);

describe("approval between real processes (RS-26)", () => {
  it("a join waits, prints the code that central shows, and ends active when it is approved", () =>
    withCentral(async (central) => {
      const token = await central.token({ approve: true });
      await using joining = joinAs(central, "web-1", token);
      const { id, approval } = await candidate(central);
      await until(async () =>
        joining.stderr.includes(approval?.code ?? "no code") ? true : undefined,
      );
      const { items } = await central.call<Items<{ agent: string | null }>>(
        "GET",
        "/api/v1/certificates",
      );
      assert.ok(items.every(({ agent }) => agent !== id));
      await decide(central, id, "approve");
      await ended(joining, 0);
      assert.equal(joining.stdout, `${id}\n`);
      assert.equal(await stateOf(central, id), "active");
    }));

  it("F3: killed while it waits, on either side, nothing is lost: the same candidate, one use, and 'agent run' finishes the join", () =>
    withCentral(async (central) => {
      const token = await central.token({ approve: true });
      await using first = joinAs(central, "web-1", token);
      const { id } = await candidate(central);
      await until(async () => (first.stderr.includes(id) ? true : undefined));
      await first.kill("SIGKILL");
      const ports = { agents: central.agentsPort, console: central.consolePort };
      await central.process.kill("SIGKILL");
      // Central is down: a host that knows that it waits goes on asking, and says why it has no answer.
      await using second = joinAs(central, "web-1");
      await until(async () => (second.stderr.includes("No answer from") ? true : undefined));
      await using again = launchCentral(central.dataDir, ports);
      const restarted = await describeCentral(again, central.dataDir, central.folder);
      await until(async () => (second.stderr.includes("has to approve") ? true : undefined));
      await second.kill("SIGTERM");
      await decide(restarted, id, "approve");
      await using running = runIn(central, "web-1");
      await connected(running);
      const [row, ...others] = await rowsOf(restarted);
      assert.deepEqual([row?.id, row?.state, others.length], [id, "active", 0]);
      const tokens = await restarted.call<Items<{ usesMade: number }>>("GET", "/api/v1/tokens");
      assert.deepEqual(
        tokens.items.map(({ usesMade }) => usesMade),
        [1],
      );
      assert.equal((await restarted.call<{ ok: boolean }>("GET", "/api/v1/audit/verify")).ok, true);
      await running.kill("SIGTERM");
      await again.kill("SIGTERM");
    }));

  it("a declined host learns it with code and remedy, and stops", () =>
    withCentral(async (central) => {
      await using joining = joinAs(central, "web-1", await central.token({ approve: true }));
      const { id } = await candidate(central);
      await decide(central, id, "decline");
      await ended(joining, 1);
      assert.match(joining.stderr, /enrolment\.declined/);
      assert.match(joining.stderr, /What to do: .*tautline agents approve/);
      assert.equal(await stateOf(central, id), "declined");
    }));
});

describe("an agent's life between real processes", () => {
  it("quarantine closes the live link in words and keeps the agent out; release brings it back without a join", () =>
    withCentral(async (central) => {
      const id = await joined(central, "web-1", await central.token());
      const before = readFileSync(join(folderOf(central, "web-1"), "settings.json"), "utf8");
      await using running = runIn(central, "web-1");
      await connected(running);
      await decide(central, id, "quarantine");
      await until(async () =>
        running.stderr.includes("admission.agent_quarantined") ? true : undefined,
      );
      await until(async () => {
        const { items } = await central.call<Items<ListedLink>>("GET", "/api/v1/links");
        return items.length === 0 ? true : undefined;
      });
      assert.equal(await stateOf(central, id), "quarantined");
      const eventsBefore = running.stdout.split("\n").length;
      await decide(central, id, "release");
      await until(async () =>
        running.stdout.split("\n").length > eventsBefore ? true : undefined,
      );
      assert.equal(await stateOf(central, id), "active");
      const after = readFileSync(join(folderOf(central, "web-1"), "settings.json"), "utf8");
      assert.equal(after, before, "not one byte of its identity changed");
      await running.kill("SIGTERM");
    }));

  it("leave revokes at central, then wipes the host; a running agent is not wiped", () =>
    withCentral(async (central) => {
      const id = await joined(central, "web-1", await central.token());
      const data = folderOf(central, "web-1");
      const leave = (): LaunchedProcess => tautline("agent", "leave", "--yes", "--data", data);
      await using running = runIn(central, "web-1");
      await connected(running);
      await using early = leave();
      await ended(early, 1);
      assert.match(early.stderr, /agent\.already_running/);
      await running.kill("SIGTERM");
      await using leaving = leave();
      await ended(leaving, 0);
      assert.equal(existsSync(data), false);
      assert.equal(await stateOf(central, id), "revoked");
      assert.ok((await actionsOf(central)).includes("agent.left"));
    }));

  it("A3: enrol A, delete, enrol a new A by name: certificate, keys and token of the old one are dead, and the new one inherits nothing", () =>
    withCentral(async (central) => {
      const token = await central.token({ uses: 3 });
      const old = await joined(central, "web-1", token);
      const copy = folderOf(central, "copy");
      cpSync(folderOf(central, "web-1"), copy, { recursive: true });
      await using running = runIn(central, "web-1");
      await connected(running);
      await central.call("DELETE", `/api/v1/agents/${old}?force=true`);
      await until(async () =>
        running.stderr.includes("admission.agent_unknown") ? true : undefined,
      );
      await running.kill("SIGTERM");
      await using heirJoin = tautline(
        "agent",
        "join",
        token,
        "--name",
        "web-1",
        "--data",
        folderOf(central, "heir"),
      );
      await ended(heirJoin, 0);
      const heir = heirJoin.stdout.trim();
      assert.notEqual(heir, old);
      // The old certificate opens nothing, beside the new agent of its name.
      await using ghost = runIn(central, "copy");
      await until(async () =>
        ghost.stderr.includes("admission.agent_unknown") ? true : undefined,
      );
      await ghost.kill("SIGTERM");
      const rows = await rowsOf(central);
      assert.deepEqual(
        rows.map((row) => [row.id, row.name, row.state]),
        [[heir, "web-1", "active"]],
      );
      const page = await central.call<{ settings: { hash: string | null }; token: string }>(
        "GET",
        `/api/v1/agents/${heir}`,
      );
      assert.equal(page.settings.hash, null);
      const { items } = await central.call<
        Items<{ agent: string | null; revokedAt: string | null }>
      >("GET", "/api/v1/certificates");
      const ofOld = items.filter(({ agent }) => agent === old);
      assert.ok(ofOld.length > 0 && ofOld.every(({ revokedAt }) => revokedAt !== null));
    }));
});
