import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { launchTautline, type ProcessEnd, withTempFolder } from "@tautline/testing";
import type { CentralPorts, Items, RunningCentral } from "../running-central.ts";
import { until } from "../until.ts";
import {
  changeAt,
  joinPolicyHost,
  linkedAt,
  linksOf,
  makePolicyFolder,
  OWN_ADDRESS,
  type PolicyScene,
  runStranger,
  type ShownChange,
  startPolicyCentral,
  withPolicyCentral,
} from "./policy-scene.ts";

interface Ended extends ProcessEnd {
  readonly stdout: string;
  readonly stderr: string;
}

async function policy({ dataDir }: RunningCentral, line: string): Promise<Ended> {
  await using verb = launchTautline(["policy", ...line.split(" "), "--data", dataDir]);
  const end = await verb.exited;
  return { ...end, stdout: verb.stdout, stderr: verb.stderr };
}

const isOpen = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

const excepted = async (central: RunningCentral): Promise<readonly string[]> => {
  interface Shown {
    readonly exceptions: readonly { readonly agent: string }[];
  }
  const { items } = await central.call<Items<Shown>>("GET", "/api/v1/policy");
  return [...new Set(items.flatMap(({ exceptions }) => exceptions.map(({ agent }) => agent)))];
};

describe("a fleet on its way from plaintext to mtls", { concurrency: 3 }, () => {
  const skip = OWN_ADDRESS === undefined ? "this host has no address but loopback" : false;

  it(
    "F23, QM-13: is planned, refused, applied with nobody lost or stranded, and taken back",
    { skip },
    async () => {
      await withPolicyCentral(async (central) => {
        const levels = ["plaintext", "basic", "tls", "mtls"] as const;
        const hosts = await Promise.all(levels.map((each) => joinPolicyHost(central, each, each)));
        const asleep = await joinPolicyHost(central, "asleep", "basic");
        const [one, two, three, four] = hosts;
        assert.ok(
          one !== undefined && two !== undefined && three !== undefined && four !== undefined,
        );
        await using _one = one.run();
        await using _two = two.run();
        await using _three = three.run();
        await using _four = four.run();
        await using stranger = runStranger(central, "stranger");
        for (const [at, { id }] of hosts.entries())
          await linkedAt(central, id, levels[at] ?? "mtls");
        await stranger.waitForEvent(({ event }) => event === "connected");
        const unproven = await until(async () =>
          [...(await linksOf(central)).keys()].find((id) => hosts.every((host) => host.id !== id)),
        );

        {
          await using briefly = asleep.run();
          await linkedAt(central, asleep.id, "basic");
          await briefly.kill("SIGTERM");
          await until(async () => ((await linksOf(central)).has(asleep.id) ? undefined : true));
        }

        const plan = await policy(central, "plan --floor mtls");
        assert.match(plan.stdout, /^stays 1, moves 4, unknown 0, cut off 1\n/);
        assert.match(plan.stdout, new RegExp(`cut off +${unproven} +stranger +no_identity`));
        const refused = await policy(central, "apply --floor mtls");
        assert.equal(refused.code, 1);
        assert.match(refused.stderr, new RegExp(`policy\\.would_cut_off: .* 1 agent: ${unproven}`));
        assert.equal((await linksOf(central)).size, 5);

        const applied = await policy(
          central,
          `apply --floor mtls --window 8s --allow-cut-off ${unproven}`,
        );
        assert.equal(applied.code, 0, applied.stderr);
        assert.match(applied.stdout, /is done\. Agents: watched 4, met 4, excepted 0, lost 0\.\n$/);
        assert.match(applied.stderr, /^watching: 4 agents, /m);
        const links = await linksOf(central);
        assert.deepEqual([...links.keys()].toSorted(), hosts.map(({ id }) => id).toSorted());
        for (const { level, clientProven } of links.values()) {
          assert.deepEqual([level, clientProven], ["mtls", true]);
        }
        const { plaintextPort } = central;
        assert.equal(await isOpen(central.address, plaintextPort), false);
        assert.equal(await isOpen("127.0.0.1", plaintextPort), true);
        assert.equal(await isOpen("::1", plaintextPort), true);

        // Who was switched off was told nothing: it finds its level closed, and goes up by itself.
        await using _awake = asleep.run();
        await linkedAt(central, asleep.id, "mtls");

        const undone = await policy(central, "undo");
        assert.equal(undone.code, 0, undone.stderr);
        assert.match(undone.stdout, /is undone: an operator took it back/);
        assert.equal(await isOpen(central.address, plaintextPort), true);
        await linkedAt(central, unproven, "plaintext");
        // Nobody falls by that.
        for (const { id } of hosts) assert.equal((await linksOf(central)).get(id)?.level, "mtls");
        const history = await policy(central, "history 1");
        assert.match(history.stdout, /^undone +an operator took it back, by operator:local$/m);
      });
    },
  );

  it(
    "F1: an agent that hangs keeps its level by an exception and the others stay, whatever is killed meanwhile; it climbs when it goes on",
    { skip },
    async () => {
      await withTempFolder(async (folder) => {
        const made = makePolicyFolder(folder);
        await using processes = new AsyncDisposableStack();
        const start = async (at?: CentralPorts): Promise<PolicyScene> => {
          const started = await startPolicyCentral(made, at);
          processes.use(started.process);
          return started;
        };
        let central = await start();
        const ports = { agents: central.agentsPort, console: 0 };
        const kill = async (): Promise<void> => {
          await central.process.kill("SIGKILL");
          central = await start(ports);
        };
        const hanging = await joinPolicyHost(central, "hanging", "basic");
        const good = await joinPolicyHost(central, "good", "mtls");
        await using one = hanging.run();
        await using _other = good.run();
        await linkedAt(central, hanging.id, "basic");
        await linkedAt(central, good.id, "mtls");
        assert.ok(one.pid !== undefined);
        process.kill(one.pid, "SIGSTOP");
        // A third of it is what the good one has, after each kill, to find back before it is noted as missing.
        const order = { floor: "mtls", windowMs: 9_000, undoIf: 100, loopback: "off" };
        const { id } = await central.call<ShownChange>("POST", "/api/v1/policy/apply", order);
        await changeAt(central, id, "moving");
        await kill();
        assert.equal((await changeAt(central, id, "moving", "watching")).reason, "");
        await changeAt(central, id, "watching");
        assert.deepEqual(await excepted(central), [hanging.id]);
        await kill();
        await linkedAt(central, good.id, "mtls");
        const ended = await changeAt(central, id, "done", "undone");
        assert.equal(ended.step, "done");
        assert.deepEqual(
          ended.agents.map((agent) => [agent.id, agent.excepted]),
          [[hanging.id, true]],
        );
        process.kill(one.pid, "SIGCONT");
        await linkedAt(central, hanging.id, "mtls");
        await until(async () => ((await excepted(central)).length === 0 ? true : undefined));
        const { ok } = await central.call<{ ok: boolean }>("GET", "/api/v1/audit/verify");
        assert.equal(ok, true);
        await central.process.kill("SIGTERM");
      });
    },
  );

  it("A25: too many lost agents bring back what was before, and their share is what was said", async () => {
    await withPolicyCentral(async (central) => {
      const host = await joinPolicyHost(central, "lost", "mtls");
      const other = await joinPolicyHost(central, "other", "mtls");
      await using lost = host.run();
      await using _other = other.run();
      for (const { id } of [host, other]) await linkedAt(central, id, "mtls");
      const begun = launchTautline(
        `policy apply --floor mtls --window 3s --undo-if 40 --json --data ${central.dataDir}`.split(
          " ",
        ),
      );
      await using verb = begun;
      await changeAt(central, 1, "watching");
      await lost.kill("SIGKILL");
      const { code } = await verb.exited;
      const change = JSON.parse(verb.stdout) as ShownChange;
      assert.deepEqual([code, change.step, change.reason], [1, "undone", "agents_lost"]);
      assert.deepEqual([change.counts.watched, change.counts.lost], [2, 1]);
      assert.equal(await isOpen("127.0.0.1", central.plaintextPort), true);
      assert.match(central.process.stderr, /policy\.undone/);
    });
  });
});
