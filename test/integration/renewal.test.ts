import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type LaunchedProcess, launchTautline, withTempFolder } from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
} from "../running-central.ts";
import { until } from "../until.ts";

const LIFE_S = 20;

interface AgentPage {
  readonly state: string;
  readonly lastSeenAt: string | null;
  readonly renewal: {
    readonly number: number;
    readonly inUse: number;
  };
  readonly cloneSuspectedAt: string | null;
  readonly approval: {
    readonly kind: string;
    readonly decision: string | null;
    readonly code: string;
  } | null;
}

interface Certificate {
  readonly serial: string;
  readonly agent: string | null;
  readonly purpose: string;
  readonly notAfter: string;
  readonly renewal: number | null;
}

interface Entry {
  readonly seq: number;
  readonly action: string;
  readonly actor: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A central whose agents' certificates live for 20 s, gone when `use` is done. */
async function withShortLives(
  use: (central: RunningCentral) => Promise<void>,
  grace = "30d",
): Promise<void> {
  await withTempFolder(async (folder) => {
    const dataDir = join(folder, "central");
    mkdirSync(dataDir, { mode: 0o700 });
    const lives = `certificates: { agentLifetime: ${LIFE_S}s, renewalGrace: ${grace} }\n`;
    writeFileSync(join(dataDir, "central.yaml"), lives, { mode: 0o600 });
    await using process = launchCentral(dataDir);
    await use(await describeCentral(process, dataDir, folder));
    await process.kill("SIGTERM");
  });
}

/** Joins an agent on a folder of its own, with an agent.yaml if one is given, and gives its id and that folder. */
async function joinAgent(
  central: RunningCentral,
  yaml?: string,
): Promise<{ id: string; data: string }> {
  const data = join(central.folder, "agent");
  if (yaml !== undefined) {
    mkdirSync(data, { mode: 0o700 });
    writeFileSync(join(data, "agent.yaml"), yaml, { mode: 0o600 });
  }
  await using joining = launchTautline([
    "agent",
    "join",
    await central.token(),
    "--json",
    "--data",
    data,
  ]);
  assert.equal((await joining.exited).code, 0, joining.stderr);
  return { id: (JSON.parse(joining.stdout) as { id: string }).id, data };
}

const runAgent = (data: string): LaunchedProcess =>
  launchTautline(["agent", "run", "--json", "--data", data]);

const event = (
  running: LaunchedProcess,
  name: string,
): Promise<Readonly<Record<string, unknown>>> =>
  running.waitForEvent((each) => each["event"] === name);

const pageOf = (central: RunningCentral, id: string): Promise<AgentPage> =>
  central.call("GET", `/api/v1/agents/${id}`);

const trailOf = async (central: RunningCentral): Promise<readonly Entry[]> =>
  (await central.call<Items<Entry>>("GET", "/api/v1/audit?limit=10000")).items;

async function onlyLink(central: RunningCentral): Promise<ListedLink> {
  return until(async () => {
    const { items } = await central.call<Items<ListedLink>>("GET", "/api/v1/links");
    return items.length === 1 ? items[0] : undefined;
  });
}

async function clientCertificates(central: RunningCentral): Promise<readonly Certificate[]> {
  const { items } = await central.call<Items<Certificate>>("GET", "/api/v1/certificates");
  return items.filter(({ agent, purpose }) => agent !== null && purpose === "client");
}

/** Resolves when every certificate issued so far has ended; real time must pass. */
async function untilExpired(central: RunningCentral): Promise<void> {
  const ends = (await clientCertificates(central)).map(({ notAfter }) => Date.parse(notAfter));
  const lastEnd = Math.max(...ends);
  await until(async () => (Date.now() > lastEnd ? true : undefined));
}

/** How often the agent says that it is there, in seconds; undefined until it was told. */
async function heartbeatOf(data: string): Promise<unknown> {
  await using verb = launchTautline(["agent", "status", "--json", "--data", data]);
  await verb.exited;
  const status = JSON.parse(verb.stdout) as {
    readonly settings: { readonly values: Readonly<Record<string, unknown>> } | null;
  };
  return status.settings?.values["heartbeatSeconds"];
}

/** What the agent's own settings file says, as text. */
const settingsOf = (data: string): string => readFileSync(join(data, "settings.json"), "utf8");

describe("renewal with real processes and lives of 20 s", { concurrency: true }, () => {
  it("F7: an agent goes through three renewals while its messages are answered; each link has a new serial, and an old one opens nothing after its end", () =>
    withShortLives(async (central) => {
      const { id, data } = await joinAgent(central);
      const backup = join(central.folder, "backup");
      cpSync(data, backup, { recursive: true });
      await using running = runAgent(data);
      await event(running, "connected");
      const serials = [(await onlyLink(central)).peerSerial];
      const settings = (seconds: number): Promise<unknown> =>
        central.call("PUT", "/api/v1/settings", {
          key: "agents.heartbeatSeconds",
          value: String(seconds),
        });
      for (const number of [1, 2, 3]) {
        const renewed = await event(running, "renewed");
        assert.equal(renewed["number"], String(number));
        // An instruction that is carried out over the new link, with its receipt, is an answered exchange.
        await settings(30 + number);
        await until(async () => {
          const carriedOut = (await trailOf(central)).filter(
            (entry) => entry.action === "instruction.carried-out",
          );
          return carriedOut.length === number ? true : undefined;
        });
        const link = await onlyLink(central);
        assert.deepEqual([link.level, link.clientProven, link.agent], ["mtls", true, id]);
        serials.push(link.peerSerial);
      }
      assert.equal(new Set(serials).size, 4);
      const { renewal, state } = await pageOf(central, id);
      assert.deepEqual([state, renewal.number, renewal.inUse], ["active", 3, 3]);
      const certificates = await clientCertificates(central);
      assert.deepEqual(
        certificates.map(({ renewal: number }) => number).toSorted((a, b) => (a ?? 0) - (b ?? 0)),
        [0, 1, 2, 3],
      );
      const inUse = certificates.find(({ serial }) => serial === serials[3]);
      assert.ok(Date.parse(inUse?.notAfter ?? "") > Date.now());
      const renewals = (await trailOf(central)).filter(({ action }) => action === "agent.renewed");
      assert.equal(renewals.length, 3);
      assert.ok(!(await trailOf(central)).some(({ action }) => action === "link.refused"));
      // A28: the first certificate has ended; though within the grace, it was replaced, and so cannot even renew.
      await using old = runAgent(backup);
      await until(async () =>
        old.stderr.includes("enrolment.clone_suspected") ? true : undefined,
      );
      assert.equal((await onlyLink(central)).peerSerial, serials[3]);
      await Promise.all([running.kill("SIGTERM"), old.kill("SIGTERM")]);
    }));

  it("F5, QMP-2: an agent that was stopped until its certificate expired, its level closed and its settings old, is back without a click, with its number advanced, mutual, and with the new settings", () =>
    withShortLives(async (central) => {
      const { id, data } = await joinAgent(central, "central: { level: tls }\nfloor: tls\n");
      const before = settingsOf(data);
      const policy = { floor: "mtls", windowMs: 1_000, allowUnknown: true };
      await central.call("POST", "/api/v1/policy/apply", policy);
      const setting = { key: "agents.heartbeatSeconds", value: "21" };
      await central.call("PUT", "/api/v1/settings", setting);
      await untilExpired(central);
      await using running = runAgent(data);
      const [renewed] = await Promise.all([event(running, "renewed"), event(running, "connected")]);
      assert.equal(renewed["number"], "1");
      const link = await onlyLink(central);
      assert.deepEqual([link.level, link.clientProven, link.agent], ["mtls", true, id]);
      assert.equal((await pageOf(central, id)).renewal.inUse, 1);
      assert.notEqual(settingsOf(data), before);
      await until(async () => ((await heartbeatOf(data)) === 21 ? true : undefined));
      // The link that could only renew was never listed and nobody was refused on it: what was refused is the closed level.
      const entries = await trailOf(central);
      const refused = entries.filter(({ action }) => action === "link.refused");
      const codes = refused.map(({ detail }) => detail["code"]);
      assert.deepEqual([...new Set(codes)], ["policy.level_refused"]);
      // Its settings came by an instruction over the link that it climbed to, after the renewal.
      const order = entries
        .toSorted((one, other) => one.seq - other.seq)
        .map(({ action }) => action)
        .filter((action) => action === "agent.renewed" || action === "instruction.issued");
      assert.deepEqual([order[0], order.includes("instruction.issued")], ["agent.renewed", true]);
      await running.kill("SIGTERM");
    }));

  it("F5: beyond the grace the renewal waits for an operator, is refused once declined, and is back without a visit once approved", () =>
    withShortLives(async (central) => {
      const { id, data } = await joinAgent(central);
      const before = settingsOf(data);
      await untilExpired(central);
      await using running = runAgent(data);
      const asked = await until(async () => (await pageOf(central, id)).approval ?? undefined);
      assert.deepEqual([asked.kind, asked.decision], ["renewal", null]);
      assert.equal((await pageOf(central, id)).state, "pending");
      await until(async () =>
        running.stderr.includes("enrolment.approval_pending") ? true : undefined,
      );
      await central.call("POST", `/api/v1/agents/${id}/decline`);
      await until(async () => (running.stderr.includes("enrolment.declined") ? true : undefined));
      assert.equal((await pageOf(central, id)).renewal.number, 0);
      assert.match(settingsOf(data), /"state": "committed"/);
      await central.call("POST", `/api/v1/agents/${id}/approve`, { code: asked.code });
      assert.equal((await event(running, "renewed"))["number"], "1");
      assert.equal((await onlyLink(central)).agent, id);
      assert.notEqual(settingsOf(data), before);
      const { state, approval } = await pageOf(central, id);
      assert.deepEqual([state, approval], ["active", null]);
      const actions = (await trailOf(central)).map(({ action }) => action);
      assert.equal(actions.filter((action) => action === "agent.pending").length, 1);
      await running.kill("SIGTERM");
    }, "0s"));

  it("F5: with a longer grace a late agent is back by itself, and what it asked is forgotten", () =>
    withTempFolder(async (folder) => {
      const dataDir = join(folder, "central");
      mkdirSync(dataDir, { mode: 0o700 });
      const write = (grace: string): void =>
        writeFileSync(
          join(dataDir, "central.yaml"),
          `certificates: { agentLifetime: ${LIFE_S}s, renewalGrace: ${grace} }\n`,
          { mode: 0o600 },
        );
      write("0s");
      const first = launchCentral(dataDir);
      await using _first = first;
      const central = await describeCentral(first, dataDir, folder);
      const { id, data } = await joinAgent(central);
      await untilExpired(central);
      await using running = runAgent(data);
      await until(async () => (await pageOf(central, id)).approval ?? undefined);
      const ports = { agents: central.agentsPort, console: central.consolePort };
      await first.kill("SIGTERM");
      write("1h");
      await using second = launchCentral(dataDir, ports);
      const again = await describeCentral(second, dataDir, folder);
      assert.equal((await event(running, "renewed"))["number"], "1");
      assert.equal((await onlyLink(again)).agent, id);
      assert.equal((await pageOf(again, id)).approval, null);
      await running.kill("SIGTERM");
      await second.kill("SIGTERM");
    }));

  it("F25: of two copies of one data folder the second to renew is suspected and audited; the one with the newest number keeps running", () =>
    withShortLives(async (central) => {
      const { id, data } = await joinAgent(central);
      const copy = join(central.folder, "copy");
      cpSync(data, copy, { recursive: true });
      await using one = runAgent(data);
      assert.equal((await event(one, "renewed"))["number"], "1");
      await using other = runAgent(copy);
      const suspected = await until(async () =>
        (await trailOf(central)).find(({ action }) => action === "agent.clone-suspected"),
      );
      assert.deepEqual([suspected.actor, suspected.detail["newest"]], [`agent:${id}`, 1]);
      await until(async () =>
        other.stderr.includes("enrolment.clone_suspected") ? true : undefined,
      );
      assert.notEqual((await pageOf(central, id)).cloneSuspectedAt, null);
      assert.equal((await event(one, "renewed"))["number"], "2");
      assert.equal((await pageOf(central, id)).renewal.inUse, 2);
      const { peerSerial } = await onlyLink(central);
      const newest = (await clientCertificates(central)).find(({ renewal }) => renewal === 2);
      assert.equal(peerSerial, newest?.serial);
      // An operator looked; a copy that goes on asking is suspected again.
      await central.call("POST", `/api/v1/agents/${id}/release`);
      const released = (await trailOf(central)).find(({ action }) => action === "agent.released");
      assert.equal(released?.detail["from"], "suspicion of a copy");
      assert.equal((await central.call<{ ok: boolean }>("GET", "/api/v1/audit/verify")).ok, true);
      await Promise.all([one.kill("SIGTERM"), other.kill("SIGTERM")]);
    }));
});
