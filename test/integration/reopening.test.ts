import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { launchTautline, type LaunchedProcess } from "@tautline/testing";
import type { Items } from "../running-central.ts";
import { until } from "../until.ts";
import {
  changeAt,
  joinPolicyHost,
  linkedAt,
  linksOf,
  OWN_ADDRESS,
  type PolicyScene,
  type ShownChange,
  withPolicyCentral,
} from "./policy-scene.ts";

/** An agent without an identity, and how to run it. */
interface Stranger {
  readonly name: string;
  readonly run: () => LaunchedProcess;
}

function strangerAt(scene: PolicyScene, name: string, host: string): Stranger {
  const where = ["--central", `${host}:${scene.plaintextPort}`, "--level", "plaintext"];
  const data = ["--data", join(scene.folder, name), "--name", name];
  return { name, run: () => launchTautline(["agent", "run", "--json", ...where, ...data]) };
}

async function output(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  await using verb = launchTautline([...args], { env });
  const { code } = await verb.exited;
  assert.equal(code, 0, `${args.join(" ")}: ${verb.stderr}`);
  return verb.stdout;
}

interface ShownReopening {
  readonly id: number;
  readonly told: number;
  readonly agents: readonly { readonly id: string; readonly address: string }[];
}

const isOpen = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

/** The ids under which central lists agents, by their names. */
async function idsOf(scene: PolicyScene): Promise<ReadonlyMap<string, string>> {
  const { items } = await scene.call<Items<{ id: string; name: string }>>("GET", "/api/v1/agents");
  return new Map(items.map(({ id, name }) => [name, id]));
}

/** Joins the host of an agent without an identity, by a token or by approval as well; it keeps its id. */
async function joinStranger(scene: PolicyScene, name: string, approve: boolean): Promise<string> {
  const token = await scene.token({ approve });
  const args = ["agent", "join", "--json", "--name", name, "--data", join(scene.folder, name)];
  await using joining = launchTautline(args, { env: { TAUTLINE_TOKEN: token } });
  if (approve) {
    const id = await until(async () => {
      const { items } = await scene.call<Items<{ id: string; name: string; state: string }>>(
        "GET",
        "/api/v1/agents",
      );
      return items.find((agent) => agent.name === name && agent.state === "pending")?.id;
    });
    await scene.call("POST", `/api/v1/agents/${id}/approve`, {});
  }
  const line = await joining.waitForEvent(
    ({ id, state }) => typeof id === "string" && state !== "pending",
  );
  assert.equal((await joining.exited).code, 0, joining.stderr);
  return String(line["id"]);
}

describe("agents that were stranded in plaintext", () => {
  const skip = OWN_ADDRESS === undefined ? "this host has no address but loopback" : false;

  it(
    "A25, QMP-2: are told where to join when plaintext is re-opened to their site, join, climb and keep their id and history; others are not, and nobody enrolled moves",
    { skip },
    async () => {
      await withPolicyCentral(async (central) => {
        const { address, plaintextPort, dataDir } = central;
        const good = await joinPolicyHost(central, "good", "mtls");
        await using _good = good.run();
        await linkedAt(central, good.id, "mtls");
        const low = await joinPolicyHost(central, "low", "plaintext");
        await using climbs = low.run();
        await linkedAt(central, low.id, "plaintext");
        // Who dials loopback comes from there: it is at another site.
        const site = ["hub-1", "hub-2"].map((name) => strangerAt(central, name, address));
        const elsewhere = strangerAt(central, "other", "127.0.0.1");
        const strangers = [...site, elsewhere];
        await using processes = new AsyncDisposableStack();
        const running = new Map(strangers.map((each) => [each.name, processes.use(each.run())]));
        const before = await until(async () => {
          const ids = await idsOf(central);
          return strangers.every(({ name }) => ids.has(name)) ? ids : undefined;
        });
        for (const { name } of strangers)
          await linkedAt(central, before.get(name) ?? "", "plaintext");

        const order = { floor: "mtls", windowMs: 1_000, loopback: "off" };
        const allowCutOff = strangers.map(({ name }) => before.get(name));
        const asked = { ...order, allowCutOff };
        const { id } = await central.call<ShownChange>("POST", "/api/v1/policy/apply", asked);
        assert.equal((await changeAt(central, id, "done", "undone")).step, "done");
        await linkedAt(central, low.id, "mtls");
        const enrolled = [good.id, low.id].toSorted();
        assert.deepEqual([...(await linksOf(central)).keys()].toSorted(), enrolled);
        assert.equal(await isOpen(address, plaintextPort), false);
        const goodLink = (await linksOf(central)).get(good.id)?.id;
        const lowLink = (await linksOf(central)).get(low.id)?.id;

        const said = await output([
          "policy",
          "reopen",
          "--from",
          `${address}/32`,
          "--for",
          "1h",
          "--data",
          dataDir,
        ]);
        assert.match(said, /^Plaintext is open to .*\/32 until /);
        const told = await until(async () => {
          const shown = await central.call<ShownReopening>("GET", "/api/v1/policy/reopenings/1");
          return shown.told === site.length ? shown : undefined;
        });
        assert.deepEqual(
          told.agents.map((agent) => `${agent.id} ${agent.address}`).toSorted(),
          site.map(({ name }) => `${before.get(name)} ${address}`).toSorted(),
        );
        assert.deepEqual(
          [...(await linksOf(central)).keys()].toSorted(),
          enrolled,
          "nobody has a link by it",
        );

        // Its file says plaintext, and plaintext is open to where it is: it stays where it has climbed to.
        await climbs.kill("SIGKILL");
        await using _again = low.run();
        await until(async () => {
          const link = (await linksOf(central)).get(low.id);
          return link !== undefined && link.id !== lowLink ? link : undefined;
        });
        await linkedAt(central, low.id, "mtls");

        const show = await output(["policy", "show", "--data", dataDir]);
        assert.match(show, /Plaintext is re-opened to .* no exception to any policy\.$/m);
        const findings = await (async () => {
          await using verb = launchTautline(["doctor", "--data", dataDir]);
          await verb.exited;
          return verb.stdout;
        })();
        assert.match(findings, /Plaintext is re-opened to /);

        for (const [at, { name }] of site.entries()) {
          const data = ["--data", join(central.folder, name)];
          const status = JSON.parse(await output(["agent", "status", "--json", ...data])) as {
            readonly promotion: { readonly addresses: readonly string[] } | null;
          };
          assert.ok((status.promotion?.addresses.length ?? 0) > 0, name);
          await running.get(name)?.kill("SIGTERM");
          const joined = await joinStranger(central, name, at === 0);
          assert.equal(joined, before.get(name));
          processes.use(launchTautline(["agent", "run", "--json", ...data]));
          await linkedAt(central, joined, "mtls");
          const { items: history } = await central.call<Items<{ level: string }>>(
            "GET",
            `/api/v1/links/history?agent=${joined}`,
          );
          const levels = new Set(history.map(({ level }) => level));
          assert.ok(levels.has("plaintext"), "what it was before is known");
        }
        const others = await output([
          "agent",
          "status",
          "--json",
          "--data",
          join(central.folder, "other"),
        ]);
        assert.equal((JSON.parse(others) as { promotion: unknown }).promotion, null);

        await output(["policy", "end-reopening", "1", "--data", dataDir]);
        assert.equal(await isOpen(address, plaintextPort), false);
        const links = await linksOf(central);
        assert.equal(links.get(good.id)?.id, goodLink, "an enrolled agent was not concerned");
        const ids = [good.id, low.id, ...site.map(({ name }) => before.get(name) ?? "")];
        assert.deepEqual([...links.keys()].toSorted(), ids.toSorted());
        for (const { level } of links.values()) assert.equal(level, "mtls");
        const { ok } = await central.call<{ ok: boolean }>("GET", "/api/v1/audit/verify");
        assert.equal(ok, true);
      });
    },
  );
});
