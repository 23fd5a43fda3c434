import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Level } from "@tautline/protocol";
import { launchTautline, type LaunchedProcess } from "@tautline/testing";
import { callSocket, type RunningCentral, withCentral } from "./running-central.ts";
import { type Held, holdOpen } from "./hold-open.ts";
import { joinAt } from "./running-forwards.ts";
import { until } from "./until.ts";

/** The part of `agent status` that tests of the edge read. */
export interface ShownEdge {
  readonly listen: string;
  readonly listening: boolean;
  readonly calls: number;
  readonly kept: number;
  readonly delivered: number;
  readonly onward: readonly {
    readonly name: string;
    readonly state: string;
    readonly error: string | null;
  }[];
  readonly store: { readonly calls: number; readonly losses: readonly unknown[] };
}

/** An agent that runs with an edge. */
export interface EdgeAgent extends AsyncDisposable {
  readonly process: LaunchedProcess;
  /** Its data folder. */
  readonly data: string;
  /** "127.0.0.1:PORT", where programs call. */
  readonly address: string;
  status(): Promise<ShownEdge>;
}

/**
 * Joins an agent to central, with an edge and a level of its own; it does not run yet.
 *
 * @param central where to, with the key's file for levels with a shared key
 * @param level its own and its floor
 * @param edge more of the edge's settings, as YAML's flow
 * @returns its data folder
 */
export async function joinEdge(
  central: Pick<RunningCentral, "folder" | "agentsPort" | "plaintextPort" | "token"> & {
    readonly keyFile?: string;
  },
  level: Level,
  edge = "",
): Promise<string> {
  const data = join(central.folder, `edge-${level}`);
  mkdirSync(data, { mode: 0o700 });
  const dialled = level === "plaintext" ? central.plaintextPort : central.agentsPort;
  const lines = [
    `central:`,
    `  level: ${level}`,
    `  addresses: ["127.0.0.1:${dialled}"]`,
    ...(level === "basic" || level === "advanced"
      ? [`  key: { name: legacy, file: ${JSON.stringify(central.keyFile)} }`]
      : []),
    `floor: ${level}`,
    `edge: { listen: "127.0.0.1:0"${edge === "" ? "" : `, ${edge}`} }`,
  ];
  writeFileSync(join(data, "agent.yaml"), lines.join("\n"));
  await joinAt(central, data, level);
  return data;
}

/**
 * Runs an agent that has an edge, and waits until that listens: it does so whether central is there or not.
 *
 * @param data its data folder
 * @param env more of its environment
 */
export async function runEdge(
  data: string,
  env: Readonly<Record<string, string>> = {},
): Promise<EdgeAgent> {
  const process = launchTautline(["agent", "run", "--json", "--data", data], { env });
  const ended = process.exited.then(() => {
    throw new Error(`the agent ended: ${process.stderr}`);
  });
  const status = async (): Promise<ShownEdge> => {
    const { edge } = await callSocket<{ edge: ShownEdge }>(join(data, "agent.sock"), {
      method: "GET",
      path: "/status",
    });
    return edge;
  };
  const listening = until(async () => {
    const edge = await status().catch(() => undefined);
    return edge?.listening === true ? edge : undefined;
  });
  const { listen } = await Promise.race([listening, ended]);
  ended.catch(() => {});
  return {
    process,
    data,
    address: listen,
    status,
    [Symbol.asyncDispose]: async () => void (await process.kill("SIGTERM")),
  };
}

/** The way from a program of this host over an agent's edge, at mtls, to a backend behind central; all of it processes of their own. */
export type EdgeWay = Held<{ readonly agent: EdgeAgent }>;

/**
 * Opens one.
 *
 * @param backends as the API takes them; each is given the level
 */
export function openEdgeWay(
  backends: readonly Readonly<Record<string, unknown>>[],
): Promise<EdgeWay> {
  return holdOpen((give) =>
    withCentral(async (central) => {
      for (const backend of backends) {
        await central.call("POST", "/api/v1/backends", { levels: ["mtls"], ...backend });
      }
      await using agent = await runEdge(await joinEdge(central, "mtls"));
      await give({ agent });
    }),
  );
}
