/**
 * A disk that fails under a running central (F11), by strace's injection into its system calls: no room, read-only, and an fsync
 * that reports an error. While it lasts nothing is acknowledged and /readyz tells the truth; central is then killed in the middle
 * of it, or left alone until the disk is well: nothing acknowledged is lost either way, and it recovers by itself. Agents that
 * have nothing to say keep their links throughout.
 *
 * A disk that is really full is a tmpfs of a few megabytes; mounting one takes root, and without it that test is skipped and says so.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  launchProcess,
  launchTautline,
  type LaunchedProcess,
  withTempFolder,
} from "@tautline/testing";
import {
  describeCentral,
  type Items,
  launchCentral,
  type ListedLink,
  type RunningCentral,
} from "../running-central.ts";
import {
  endSwarm,
  lastOf,
  launchSwarm,
  readLedger,
  readStoredStatus,
  untilLinked,
} from "../running-swarm.ts";
import { until } from "../until.ts";

const AGENTS = 10;
const OK = 200;
const UNAVAILABLE = 503;

const FAULTS: [what: string, calls: string, error: string, code: string][] = [
  ["a disk without room", "pwrite64", "ENOSPC", "store.full"],
  ["a read-only disk", "pwrite64", "EROFS", "store.failed"],
  ["an fsync that fails", "fsync,fdatasync", "EIO", "store.failed"],
];

describe("F11: a disk that fails under a running central", () => {
  for (const [what, calls, error, code] of FAULTS) {
    it(`${what}: nothing is acknowledged meanwhile, readiness says so, and all recovers by itself`, () =>
      withTempFolder(async (folder) => {
        await using drill = await beginDrill(folder);
        const { central, swarm } = drill;
        await using fault = await inject(central.process, calls, error);
        await untilReadiness(central, UNAVAILABLE);
        await assertNothingAcknowledged(drill);
        await fault.kill("SIGINT");
        await untilReadiness(central, OK);
        await assertSameIdleLink(drill);
        assert.match(central.process.stderr, new RegExp(code.replace(".", "\\.")));
        await endSwarm(swarm);
        const { ok } = await central.call<{ ok: boolean }>("GET", "/api/v1/audit/verify");
        assert.ok(ok);
        await central.process.kill("SIGKILL");
        assertNothingLost(drill, what);
      }));
  }

  it("an fsync that fails, and central is killed meanwhile: what was acknowledged is there when it starts again", () =>
    withTempFolder(async (folder) => {
      await using drill = await beginDrill(folder);
      const { central } = drill;
      await using _fault = await inject(central.process, "fsync,fdatasync", "EIO");
      await untilReadiness(central, UNAVAILABLE);
      await central.process.kill("SIGKILL");
      assertNothingLost(drill, "killed");
      await using restarted = launchCentral(central.dataDir);
      const again = await describeCentral(restarted, central.dataDir, folder);
      await untilReadiness(again, OK);
      await restarted.kill("SIGTERM");
      assertNothingLost(drill, "restarted");
    }));

  const isRoot = process.geteuid?.() === 0;
  const skip = isRoot ? false : "mounting a small file system takes root";
  it(
    "a file system that is really full: refused by name, and well again once there is room",
    { skip },
    () =>
      withTempFolder(async (folder) => {
        const disk = join(folder, "disk");
        mkdirSync(disk);
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]);
        try {
          await using drill = await beginDrill(folder, join(disk, "central"));
          const { central, swarm } = drill;
          const ballast = join(disk, "ballast");
          fill(ballast);
          await untilReadiness(central, UNAVAILABLE);
          await assertNothingAcknowledged(drill);
          rmSync(ballast);
          await untilReadiness(central, OK);
          assert.match(central.process.stderr, /store\.full/);
          await assertSameIdleLink(drill);
          await endSwarm(swarm);
          await central.process.kill("SIGTERM");
          assertNothingLost(drill, "full");
        } finally {
          execFileSync("umount", ["-l", disk]);
        }
      }),
  );
});

interface Drill extends AsyncDisposable {
  readonly central: RunningCentral;
  readonly ledger: string;
  readonly swarm: LaunchedProcess;
  /** Link of a real agent that has nothing to report. */
  readonly idleLink: string;
}

/** A central under load, and a real agent that is silent. */
async function beginDrill(folder: string, dataDir = join(folder, "central")): Promise<Drill> {
  const central = await describeCentral(launchCentral(dataDir), dataDir, folder);
  const data = join(folder, "agent");
  const env = { TAUTLINE_TOKEN: await central.token() };
  await using joining = launchTautline(["agent", "join", "--json", "--data", data], { env });
  assert.equal((await joining.exited).code, 0, joining.stderr);
  const agent = launchTautline(["agent", "run", "--json", "--data", data]);
  await untilLinked(central, 1);
  const { items } = await central.call<Items<ListedLink>>("GET", "/api/v1/links");
  const ledger = join(folder, "ledger");
  const flags = ["--ledger", ledger];
  const swarm = await launchSwarm(central, { agents: AGENTS, interval: "0s", flags });
  await untilLinked(central, AGENTS + 1);
  const end = async (): Promise<void> => {
    for (const each of [swarm, agent, central.process]) await each.kill("SIGKILL");
  };
  return { central, ledger, swarm, idleLink: items[0]?.id ?? "", [Symbol.asyncDispose]: end };
}

/** Makes calls of central's main thread fail until the tracer is told to end. */
async function inject(
  central: LaunchedProcess,
  calls: string,
  error: string,
): Promise<LaunchedProcess> {
  const what = [
    "-e",
    `trace=${calls}`,
    "-e",
    "signal=none",
    "-e",
    `inject=${calls}:error=${error}`,
  ];
  const args = [...what, "-o", "/dev/null", "-p", String(central.pid)];
  const tracer = launchProcess({ command: "strace", args });
  await until(async () => (/Process \d+ attached/.test(tracer.stderr) ? true : undefined));
  return tracer;
}

async function untilReadiness({ dataDir }: RunningCentral, wanted: number): Promise<void> {
  const socketPath = join(dataDir, "admin.sock");
  const status = (): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const call = request({ socketPath, path: "/readyz", agent: false }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode));
      });
      call.on("error", reject).end();
    });
  await until(async () => ((await status()) === wanted ? true : undefined));
}

/** While the fault lasts: each agent of the swarm asks in vain, and from then on the ledger does not grow. */
async function assertNothingAcknowledged({ central, ledger }: Drill): Promise<void> {
  // An agent sends its next message when the last one stands in the ledger: once all were refused, nothing is under way.
  await until(async () => (countLines(central, "not handled") >= AGENTS ? true : undefined));
  const before = statSync(ledger).size;
  const tried = countLines(central, "timed task failed");
  await until(async () => (countLines(central, "timed task failed") > tried ? true : undefined));
  assert.equal(statSync(ledger).size, before);
}

function countLines({ process: central }: RunningCentral, text: string): number {
  return central.stderr.split(text).length - 1;
}

async function assertSameIdleLink({ central, idleLink }: Drill): Promise<void> {
  const { items } = await central.call<Items<ListedLink>>("GET", "/api/v1/links");
  assert.ok(
    items.some(({ id }) => id === idleLink),
    "the silent agent's link has stayed",
  );
}

function assertNothingLost({ central, ledger }: Drill, what: string): void {
  const kept = readStoredStatus(central.dataDir);
  const acknowledged = lastOf(readLedger(ledger));
  assert.equal(acknowledged.size, AGENTS);
  for (const [agent, { sequence }] of acknowledged) {
    const stored = Number(kept.get(agent)?.["swarm.sequence"]);
    assert.ok(stored >= sequence, `${what}: ${agent}: ${sequence} acknowledged, ${stored} stored`);
  }
}

/** Takes all the room there is. */
function fill(file: string): void {
  const block = Buffer.alloc(4_096);
  for (;;) {
    try {
      writeFileSync(file, block, { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") return;
      throw error;
    }
  }
}
