import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { parseConfig } from "@tautline/daemon";
import type { TautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { plainDial, startForwardCentral, startTarget } from "../../test/forward-central.ts";
import { createManualClock } from "../../test/manual-clock.ts";
import { agentConfigSchema } from "../config.ts";
import { dataFolder } from "../data-folder.ts";
import { createAgentForwards } from "./agent-forwards.ts";
import type { ForwardsByName, ForwardService } from "./forward-service.ts";
import { readListenAddress } from "./listen-address.ts";

/** Turns of the event loop until something is so; the test's own limit of time ends it. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

const remote = (name: string, more: Partial<ForwardsByName[string]> = {}): ForwardsByName => ({
  [name]: {
    listen: "127.0.0.1:0",
    open: false,
    idleTimeout: 60_000,
    totalTimeout: 60_000,
    maxStreams: 4,
    warm: 1,
    ...more,
  },
});

interface Scene {
  readonly service: ForwardService;
  readonly problems: readonly TautlineError[];
  readonly upgrades: readonly unknown[];
  readonly connectTo: (name: string) => Socket;
}

async function withService(yaml: string, use: (scene: Scene) => Promise<void>): Promise<void> {
  await using target = await startTarget((socket) => void socket.pipe(socket));
  await using central = await startForwardCentral({ target: target.port });
  await withTempFolder(async (folder) => {
    const problems: TautlineError[] = [];
    const stopping = new AbortController();
    const service = createAgentForwards(
      {
        config: parseConfig("agent", "agent.yaml", yaml, agentConfigSchema),
        folder: dataFolder(folder),
        clock: createManualClock(),
        random: () => 0.5,
      },
      {
        way: { dial: () => plainDial, addresses: () => [central.address] },
        signal: stopping.signal,
        onProblem: (error) => problems.push(error),
      },
    );
    const connectTo = (name: string): Socket => {
      const { listen = "" } = service.status.find((one) => one.name === name) ?? {};
      const address = readListenAddress(listen);
      assert.ok(address?.kind === "tcp");
      return connect({ ...address, allowHalfOpen: true }).on("error", () => {});
    };
    try {
      await use({ service, problems, upgrades: central.upgrades, connectTo });
    } finally {
      central.cut();
      stopping.abort();
      await service.stop();
    }
  });
}

const isListening = (service: ForwardService, name: string): boolean =>
  service.status.some((one) => one.name === name && one.listening);

async function speaking(program: Socket): Promise<Socket> {
  program.write("x");
  await once(program, "data");
  return program;
}

async function codeOfEnd(program: Socket): Promise<unknown> {
  await new Promise<void>((resolve) => {
    if (program.resume().closed) resolve();
    else program.once("close", () => resolve());
  });
  return program.errored && Reflect.get(program.errored, "code");
}

test("what central asks for listens at once, and what it takes away listens no more and is reset; the host's own goes on", async () => {
  const yaml = 'forwards: { own: { listen: "127.0.0.1:0" } }\n';
  await withService(yaml, async ({ service, problems, connectTo }) => {
    service.start();
    await until(() => isListening(service, "own"));
    const own = await speaking(connectTo("own"));
    service.setRemote({ ...remote("db"), ...remote("web") });
    await until(() => isListening(service, "db") && isListening(service, "web"));
    assert.deepEqual(
      service.status.map(({ name, origin }) => [name, origin]),
      [
        ["own", "local"],
        ["db", "central"],
        ["web", "central"],
      ],
    );
    const [db, web] = [await speaking(connectTo("db")), await speaking(connectTo("web"))];
    const { listen } = service.status[1] ?? {};
    service.setRemote(remote("web"));
    assert.equal(await codeOfEnd(db), "ECONNRESET");
    const address = readListenAddress(listen ?? "");
    assert.ok(address?.kind === "tcp");
    const late = connect(address).on("error", () => {});
    assert.equal(await codeOfEnd(late), "ECONNREFUSED");
    await Promise.all([speaking(own), speaking(web)]);
    assert.deepEqual(
      service.status.map(({ name }) => name),
      ["own", "web"],
    );
    service.setRemote({});
    assert.equal(await codeOfEnd(web), "ECONNRESET");
    await speaking(own);
    assert.deepEqual(problems, []);
  });
});

test("one that is asked for otherwise is another one: its connections are reset, and the same again disturbs nothing", async () => {
  await withService("", async ({ service, connectTo }) => {
    service.start();
    service.setRemote(remote("db"));
    await until(() => isListening(service, "db"));
    const program = await speaking(connectTo("db"));
    service.setRemote(remote("db"));
    await speaking(program);
    assert.equal(service.status[0]?.open, 1);
    service.setRemote(remote("db", { maxStreams: 1 }));
    assert.equal(await codeOfEnd(program), "ECONNRESET");
    await until(() => isListening(service, "db"));
    assert.equal(service.status[0]?.total, 0);
    await speaking(connectTo("db"));
    assert.equal(await codeOfEnd(connectTo("db")), "ECONNRESET");
  });
});

test("nothing listens and nothing is dialled before the first answer of central's, nor for an empty list, nor after the stop", async () => {
  await withService("", async ({ service, upgrades }) => {
    service.setRemote(remote("db"));
    assert.deepEqual([service.status[0]?.listening, upgrades.length], [false, 0]);
    service.setRemote({});
    service.start();
    assert.deepEqual([service.status, upgrades.length], [[], 0]);
    service.setRemote(remote("db"));
    await until(() => isListening(service, "db"));
    await service.stop();
    assert.equal(service.status[0]?.listening, false);
    service.setRemote(remote("web"));
    assert.deepEqual(
      service.status.map(({ name }) => name),
      ["db"],
    );
  });
});
