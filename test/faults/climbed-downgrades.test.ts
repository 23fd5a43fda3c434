import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { launchTautline, type LaunchedProcess } from "@tautline/testing";
import type { Items, ListedLink } from "../running-central.ts";
import { until } from "../until.ts";
import { type Between, type Kind, OPENING, standBetween, TO_ANY, TO_TLS } from "./between.ts";
import { type EveryLevel, withEveryLevel } from "./every-level.ts";

const LEVELS = ["plaintext", "basic", "tls"] as const;

/** What is done to an agent that has climbed; the second half after it was killed. */
const DONE: readonly Kind[] = [
  ["a delay without end", (near) => void near.resume()],
  ...TO_ANY,
  ...TO_TLS,
];
const HALF = DONE.length / 2;

interface Host {
  readonly id: string;
  readonly level: (typeof LEVELS)[number];
  readonly run: () => LaunchedProcess;
}

async function joinHost(central: EveryLevel, level: Host["level"], port: number): Promise<Host> {
  const data = join(central.folder, level);
  mkdirSync(data, { mode: 0o700 });
  const key = { file: central.keyFile };
  const way = { level, addresses: [`127.0.0.1:${port}`], answerTimeout: "2s", key };
  // JSON is YAML.
  writeFileSync(join(data, "agent.yaml"), JSON.stringify({ central: way, floor: level }));
  const args = ["agent", "join", "--json", "--name", level, "--data", data];
  await using joining = launchTautline(args, { env: { TAUTLINE_TOKEN: await central.token() } });
  const line = await joining.waitForEvent(({ id }) => typeof id === "string");
  assert.equal((await joining.exited).code, 0, joining.stderr);
  const run = (): LaunchedProcess => launchTautline(["agent", "run", "--data", data, "--json"]);
  return { id: String(line["id"]), level, run };
}

/** Waits until each has one link, at the level, that is none of those before. */
function allAt(
  central: EveryLevel,
  levelOf: (host: Host) => string,
  { hosts, before = [] }: { readonly hosts: readonly Host[]; readonly before?: readonly string[] },
): Promise<readonly string[]> {
  return until(async () => {
    const { items } = await central.call<Items<ListedLink>>("GET", "/api/v1/links");
    const isThere = (host: Host): boolean =>
      items.some(({ agent, level, id }) => {
        return agent === host.id && level === levelOf(host) && !before.includes(id);
      });
    const isAll = items.length === hosts.length && hosts.every(isThere);
    return isAll ? items.map(({ id }) => id) : undefined;
  });
}

/** How many links central has ever taken of an agent below mtls. */
async function lowLinks(central: EveryLevel, hosts: readonly Host[]): Promise<readonly number[]> {
  interface Line {
    readonly level: string;
    readonly links: number;
    readonly refused: string | null;
  }
  return await Promise.all(
    hosts.map(async ({ id }) => {
      const path = `/api/v1/links/history?agent=${id}`;
      const { items } = await central.call<Items<Line>>("GET", path);
      const low = items.filter(({ level, refused }) => level !== "mtls" && refused === null);
      return low.reduce((sum, { links }) => sum + links, 0);
    }),
  );
}

/** Each round of an agent begins here: when all is done that is to be done here, others may have had less. */
async function isSpent(between: Between): Promise<void> {
  await until(async () => (between.meddling.length === 0 ? true : undefined));
}

it(
  "F17, A24: nobody who strips, resets or delays what an agent that has climbed by instruction says gets it lower, not by a restart either, though its old level is open to it",
  { timeout: 120_000 },
  async () => {
    await using toSecure = await standBetween();
    await using toPlain = await standBetween();
    await using toLow = await standBetween();
    await withEveryLevel(
      async (central) => {
        toSecure.target = central.agentsPort;
        toLow.target = central.agentsPort;
        toPlain.target = central.plaintextPort;
        const hosts: Host[] = [];
        for (const level of LEVELS) {
          const { port } = level === "plaintext" ? toPlain : toLow;
          hosts.push(await joinHost(central, level, port));
        }
        await using first = new AsyncDisposableStack();
        const agents = hosts.map(({ run }) => first.use(run()));
        const low = await allAt(central, ({ level }) => level, { hosts });
        for (const { id } of hosts)
          await central.call("POST", `/api/v1/agents/${id}/move`, { level: "mtls" });
        const risen = await allAt(central, () => "mtls", { hosts, before: low });
        const taken = await lowLinks(central, hosts);
        for (const between of [toSecure, toPlain, toLow]) between.openings.length = 0;

        for (const between of [toSecure, toLow]) between.meddling = DONE.slice(0, HALF);
        for (const between of [toSecure, toLow]) between.cut();
        await isSpent(toSecure);
        toLow.meddling = [];
        const back = await allAt(central, () => "mtls", { hosts, before: risen });
        for (const between of [toSecure, toLow]) between.meddling = DONE.slice(HALF);
        await Promise.all(agents.map((agent) => agent.kill("SIGKILL")));
        await using second = new AsyncDisposableStack();
        for (const { run } of hosts) second.use(run());
        await isSpent(toSecure);
        toLow.meddling = [];
        await allAt(central, () => "mtls", { hosts, before: back });

        for (const { openings } of [toSecure, toPlain, toLow])
          assert.deepEqual(new Set(openings), new Set([OPENING.tls]));
        assert.ok(toSecure.openings.length >= DONE.length);
        assert.ok(toLow.openings.length > 0 && toPlain.openings.length > 0);
        assert.deepEqual(await lowLinks(central, hosts), taken);
      },
      { agents: `  advertise: ["127.0.0.1:${toSecure.port}"]` },
    );
  },
);
