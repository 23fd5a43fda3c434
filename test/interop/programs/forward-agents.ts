import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Level, LEVELS } from "@tautline/protocol";
import { launchTautline } from "@tautline/testing";
import { callSocket } from "../../running-central.ts";
import { until } from "../../until.ts";
import { KEY_NAME, type LevelCentral, openLevelCentral } from "../level-central.ts";

/** A central, and an agent at each level with the same forwards. */
export interface ForwardAgents extends AsyncDisposable {
  readonly central: LevelCentral;
  /** The port of this host where the agent of a level listens for a forward. */
  portOf(level: Level, forward: string): number;
  /** The data folder of a level's agent; the forward `socketForward` is a Unix socket in it. */
  folderOf(level: Level): string;
}

/** What the agents forward. */
export interface ForwardOrder {
  /** Ports of this host by the names of forwards. */
  readonly targets: Readonly<Record<string, number>>;
  /** One more forward, to which of these targets, and what its Unix socket is called. */
  readonly socket: { readonly to: string; readonly file: string };
}

interface Listening {
  readonly name: string;
  readonly listen: string;
  readonly listening: boolean;
}

const SOCKET_FORWARD = "socket";

/** Starts central and the agents, and waits until all of them listen. */
export async function openForwardAgents(order: ForwardOrder): Promise<ForwardAgents> {
  await using stack = new AsyncDisposableStack();
  const central = stack.use(await openLevelCentral());
  const { targets, socket } = order;
  const all = { ...targets, [SOCKET_FORWARD]: targets[socket.to] };
  for (const [name, port] of Object.entries(all)) {
    await central.call("POST", "/api/v1/forwards", { name, target: `127.0.0.1:${port}` });
  }
  const agents = await Promise.all(
    LEVELS.map(async (level) => stack.use(await openAgent(central, level, order))),
  );
  const ports = new Map(agents.map(({ level, listening }) => [level, listening]));
  const owned = stack.move();
  return {
    central,
    folderOf: (level) => join(central.folder, level),
    portOf: (level, forward) => {
      const found = ports.get(level)?.find(({ name }) => name === forward);
      return Number(found?.listen.split(":").at(-1));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface OpenedAgent extends AsyncDisposable {
  readonly level: Level;
  readonly listening: readonly Listening[];
}

async function openAgent(
  central: LevelCentral,
  level: Level,
  { targets, socket }: ForwardOrder,
): Promise<OpenedAgent> {
  const data = join(central.folder, level);
  mkdirSync(data, { mode: 0o700 });
  const dialled = level === "plaintext" ? central.plaintextPort : central.agentsPort;
  const isKeyed = level === "basic" || level === "advanced";
  const settings = {
    central: {
      level,
      addresses: [`127.0.0.1:${dialled}`],
      ...(isKeyed && { key: { name: KEY_NAME, file: central.keyFile } }),
    },
    floor: level,
    forwards: {
      ...Object.fromEntries(Object.keys(targets).map((name) => [name, { listen: "127.0.0.1:0" }])),
      [SOCKET_FORWARD]: { listen: `unix:${socket.file}` },
    },
  };
  // JSON is YAML too.
  writeFileSync(join(data, "agent.yaml"), JSON.stringify(settings));
  const env = { TAUTLINE_TOKEN: await central.token() };
  await using joining = launchTautline(
    ["agent", "join", "--json", "--name", level, "--data", data],
    { env },
  );
  assert.equal((await joining.exited).code, 0, joining.stderr);
  await using stack = new AsyncDisposableStack();
  const agent = launchTautline(["agent", "run", "--json", "--data", data]);
  // It gives back all that its streams held: what a stream leaves behind keeps an agent from ending.
  stack.defer(async () => assert.equal((await agent.kill()).code, 0, agent.stderr));
  const connected = await agent.waitForEvent(({ event }) => event === "connected");
  assert.equal(connected["level"], level);
  const listening = await until(async () => {
    const order = { method: "GET", path: "/status" };
    const { forwards } = await callSocket<{ readonly forwards: readonly Listening[] }>(
      join(data, "agent.sock"),
      order,
    );
    return forwards.every((forward) => forward.listening) ? forwards : undefined;
  });
  const owned = stack.move();
  return { level, listening, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
