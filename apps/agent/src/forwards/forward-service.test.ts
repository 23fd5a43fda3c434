import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { TautlineError, toProblem } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import {
  plainDial,
  startForwardCentral,
  startTarget,
  type ForwardCentral,
  type ForwardCentralOptions,
} from "../../test/forward-central.ts";
import { createManualClock, type ManualClock } from "../../test/manual-clock.ts";
import { createAgentForwards } from "./agent-forwards.ts";
import { parseConfig } from "@tautline/daemon";
import { agentConfigSchema } from "../config.ts";
import { dataFolder } from "../data-folder.ts";
import { DRAIN_MS, type ForwardService } from "./forward-service.ts";
import { readListenAddress } from "./listen-address.ts";

interface Scene {
  readonly central: ForwardCentral;
  readonly service: ForwardService;
  readonly clock: ManualClock;
  readonly problems: TautlineError[];
  readonly stop: () => Promise<void>;
  /** Connects to the only forward, as a program does; it may be reset before it is connected. */
  readonly connect: () => Socket;
}

/** Turns of the event loop until something is so; the test's own limit of time ends it. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

async function withForward(
  options: ForwardCentralOptions & { readonly settings?: string; readonly listen?: string },
  use: (scene: Scene) => Promise<void>,
): Promise<void> {
  const { settings = "", listen = "127.0.0.1:0" } = options;
  await using central = await startForwardCentral(options);
  await withTempFolder(async (folder) => {
    const clock = createManualClock();
    const problems: TautlineError[] = [];
    const yaml = `forwards: { db: { listen: "${listen}"${settings} } }`;
    const config = parseConfig("agent", "agent.yaml", yaml, agentConfigSchema);
    const stopping = new AbortController();
    const service = createAgentForwards(
      { config, folder: dataFolder(folder), clock, random: () => 0.5 },
      {
        way: { dial: () => plainDial, addresses: () => [central.address] },
        signal: stopping.signal,
        onProblem: (error) => problems.push(error),
      },
    );
    service.start();
    await until(() => service.status[0]?.listening === true);
    const stop = (): Promise<void> => {
      stopping.abort();
      return service.stop();
    };
    const connectTo = (): Socket => {
      const address = readListenAddress(service.status[0]?.listen ?? "");
      assert.ok(address);
      const where =
        address.kind === "tcp"
          ? address
          : { path: join(folder, address.path.split("/").at(-1) ?? "") };
      return connect({ ...where, allowHalfOpen: true }).on("error", () => {});
    };
    try {
      await use({ central, service, clock, problems, stop, connect: connectTo });
    } finally {
      central.cut();
      await stop();
    }
  });
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.resume().closed) resolve();
    else socket.once("close", () => resolve());
  });

async function endsWith(program: Socket, code: string): Promise<void> {
  await closed(program);
  assert.equal(program.errored && Reflect.get(program.errored, "code"), code);
}

const isReset = (program: Socket): Promise<void> => endsWith(program, "ECONNRESET");

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

for (const listen of ["127.0.0.1:0", "unix:db.sock"]) {
  test(`at ${listen} bytes go both ways unchanged, half-closed, and the link serves the next stream`, async () => {
    await using target = await startTarget((socket) => void socket.pipe(socket));
    await withForward({ target: target.port, listen }, async (scene) => {
      const bytes = randomBytes(3_000_000);
      for (const turn of [1, 2]) {
        const program = scene.connect();
        program.end(bytes);
        const back = await readAll(program);
        assert.equal(
          createHash("sha256").update(back).digest("hex"),
          createHash("sha256").update(bytes).digest("hex"),
        );
        await until(() => scene.service.status[0]?.open === 0);
        assert.equal(scene.service.status[0]?.total, turn);
      }
      const { sentBytes, receivedBytes, refused, cut } = scene.service.status[0] ?? {};
      assert.deepEqual([sentBytes, receivedBytes], [6_000_000, 6_000_000]);
      assert.deepEqual([refused, cut, scene.problems], [0, 0, []]);
      // One was warm, and one was dialled when that was taken; neither stream needed a third.
      assert.ok(scene.central.upgrades.length <= 2);
    });
  });
}

test("the agent says which end opens streams, and which forward it means", async () => {
  const asked: unknown[] = [];
  const onOpen: ForwardCentralOptions["onOpen"] = (opening) => {
    asked.push(opening.request);
    opening.refuse(new TautlineError("admission.agent_revoked"));
  };
  await withForward({ onOpen }, async ({ central, connect: open, problems, service }) => {
    await isReset(open());
    assert.deepEqual(asked, [{ forward: "db" }]);
    const [upgrade] = central.upgrades;
    assert.deepEqual(
      [upgrade?.method, upgrade?.url, upgrade?.headers["tautline-forward"]],
      ["GET", "/v1/forward", "out"],
    );
    assert.equal(problems[0]?.code, "forward.refused");
    assert.deepEqual([service.status[0]?.refused, service.status[0]?.cut], [1, 0]);
    // A refusal costs no link.
    await isReset(open());
    assert.ok(central.upgrades.length <= 2);
  });
});

test("F13: a link that is cut in the middle of a stream resets the program, and never ends it", async () => {
  await using target = await startTarget((socket) => void socket.write("half of it"));
  await withForward(
    { target: target.port },
    async ({ central, connect: open, service, problems }) => {
      const program = open();
      await once(program, "data");
      central.cut();
      await isReset(program);
      await until(() => service.status[0]?.open === 0);
      assert.equal(service.status[0]?.cut, 1);
      assert.equal(problems.find(({ code }) => code === "forward.cut")?.code, "forward.cut");
    },
  );
});

test("a program's own reset is told to the target and is nobody's problem", async () => {
  await using target = await startTarget((socket) => void socket.write("x"));
  await withForward({ target: target.port }, async ({ connect: open, service, problems }) => {
    const program = open();
    await once(program, "data");
    const [far] = target.accepted;
    assert.ok(far);
    program.resetAndDestroy();
    await isReset(far);
    await until(() => service.status[0]?.open === 0);
    assert.deepEqual([service.status[0]?.cut, problems], [1, []]);
  });
});

test("one more than may be carried is reset at once, and those before it are not disturbed", async () => {
  await using target = await startTarget((socket) => void socket.pipe(socket));
  const settings = ", maxStreams: 1";
  await withForward(
    { target: target.port, settings },
    async ({ connect: open, problems, service }) => {
      const first = open();
      first.write("a");
      await once(first, "data");
      await isReset(open());
      assert.deepEqual([problems[0]?.code, service.status[0]?.refused], ["agent.forward_full", 1]);
      first.end("b");
      assert.equal((await readAll(first)).toString(), "b");
    },
  );
});

test("while central takes no forwards a program is reset at once with the reason noted, and served once it does", async () => {
  await using target = await startTarget((socket) => void socket.end("served"));
  let isRefusing = true;
  const refuse: ForwardCentralOptions["refuse"] = (_request, socket) => {
    if (!isRefusing) return false;
    const problem = JSON.stringify(toProblem(new TautlineError("admission.agent_quarantined")));
    const head = `HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\nContent-Length: ${problem.length}\r\n\r\n`;
    socket.end(head + problem);
    return true;
  };
  await withForward({ target: target.port, refuse }, async ({ connect: open, clock, problems }) => {
    await until(() => problems.length > 0);
    await isReset(open());
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["agent.forward_dial_failed", "agent.forward_unreachable"],
    );
    assert.match(problems[1]?.message ?? "", /'db' was reset.*quarantine/);
    isRefusing = false;
    clock.advance(500);
    assert.equal((await readAll(open().end())).toString(), "served");
  });
});

test("a warm link that central has closed meanwhile costs no program its connection", async () => {
  await using target = await startTarget((socket) => void socket.end("served"));
  await withForward(
    { target: target.port },
    async ({ central, connect: open, clock, problems }) => {
      await until(() => central.channels.size === 1);
      clock.advance(10_000);
      for (const channel of central.channels)
        channel.destroy(new TautlineError("forward.cancelled"));
      assert.equal((await readAll(open().end())).toString(), "served");
      assert.deepEqual(problems, []);
    },
  );
});

test("stopped, it listens no more, lets what is carried come to its end, and leaves no link", async () => {
  await using target = await startTarget((socket) => void socket.pipe(socket));
  await withForward({ target: target.port }, async ({ central, connect: open, service, stop }) => {
    const program = open();
    program.write("a");
    await once(program, "data");
    const stopped = stop();
    assert.equal(service.status[0]?.listening, false);
    await endsWith(open(), "ECONNREFUSED");
    program.end("b");
    assert.equal((await readAll(program)).toString(), "b");
    await stopped;
    await until(() => central.channels.size === 0);
  });
});

test("what is still carried at the end of the drain time is reset, and central is told why", async () => {
  await using target = await startTarget((socket) => void socket.write("x"));
  await withForward(
    { target: target.port },
    async ({ connect: open, clock, stop, problems, service }) => {
      const program = open();
      await once(program, "data");
      const stopped = stop();
      clock.advance(DRAIN_MS - 1);
      assert.equal(service.status[0]?.open, 1);
      clock.advance(1);
      await isReset(program);
      await stopped;
      assert.deepEqual([service.status[0]?.open, problems], [0, []]);
    },
  );
});

test("an agent without forwards dials nothing and listens nowhere", async () => {
  await using central = await startForwardCentral();
  const config = parseConfig("agent", "agent.yaml", "", agentConfigSchema);
  const service = createAgentForwards(
    { config, folder: dataFolder("/nowhere"), clock: createManualClock(), random: () => 0 },
    {
      way: { dial: () => plainDial, addresses: () => [central.address] },
      signal: new AbortController().signal,
      onProblem: (error) => assert.fail(error),
    },
  );
  service.start();
  await service.stop();
  assert.deepEqual([central.upgrades.length, service.status], [0, []]);
});
