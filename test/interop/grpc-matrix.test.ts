import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { credentials, Metadata, status } from "@grpc/grpc-js";
import { launchProcess } from "@tautline/testing";
import { openEdgeWay } from "../running-edge.ts";
import { startCarriedWay } from "./telemetry/carried-way.ts";
import { openReceiverWay } from "./telemetry/receiver-way.ts";
import { EchoClient, type Seen, watchStream } from "./telemetry/echo-client.ts";
import { type EchoBackend, startEchoBackend } from "./telemetry/echo-service.ts";

/** A way from programs to the backend: where they connect, and how what they connect to is secured. */
interface Way extends AsyncDisposable {
  client(): EchoClient;
  /** Arguments of the client in Python: the address, and the files of CA, chain and key. */
  readonly python: readonly string[];
}

/** Every way there is; each program has to see the same by each of them. */
const WAYS: Readonly<Record<string, (backend: EchoBackend) => Promise<Way>>> = {
  direct: (backend) => Promise.resolve(plainWay(backend.port)),
  carried: async (backend) => {
    const way = await startCarriedWay([backend.port]);
    return plainWay(way.port, () => way[Symbol.asyncDispose]());
  },
  "straight to central's receiver, at mtls": async ({ port }) => {
    const way = await openReceiverWay([{ name: "oap", targets: [`127.0.0.1:${port}`] }]);
    const { rootsFile, clientChainFile, clientKeyFile } = way.agent;
    const [root, chain, key] = [rootsFile, clientChainFile, clientKeyFile].map((file) =>
      readFileSync(file),
    );
    assert.ok(root !== undefined && chain !== undefined && key !== undefined);
    const address = `localhost:${way.port}`;
    return {
      client: () => new EchoClient(address, credentials.createSsl(root, key, chain)),
      python: [address, rootsFile, clientChainFile, clientKeyFile],
      [Symbol.asyncDispose]: async () => way[Symbol.asyncDispose](),
    };
  },
  "over an agent's edge and central, at mtls": async ({ port }) => {
    const oap = { name: "oap", targets: [`127.0.0.1:${port}`] };
    const way = await openEdgeWay([oap]);
    const here = Number(way.agent.address.split(":")[1]);
    return plainWay(here, () => way[Symbol.asyncDispose]());
  },
};

function plainWay(port: number, dispose: () => PromiseLike<void> = async () => {}): Way {
  return {
    client: () => new EchoClient(`127.0.0.1:${port}`, credentials.createInsecure()),
    python: [`127.0.0.1:${port}`],
    [Symbol.asyncDispose]: () => Promise.resolve(dispose()),
  };
}

const MIB = 1024 * 1024;
const LATE: number = status.DEADLINE_EXCEEDED;
const LARGE = Buffer.alloc(4 * MIB, "0123456789abcdef ");

function someMetadata(more: Readonly<Record<string, string>> = {}): Metadata {
  const metadata = new Metadata();
  metadata.add("x-text", "some text, with a comma");
  metadata.add("x-twice", "first");
  metadata.add("x-twice", "second");
  metadata.add("x-bytes-bin", Buffer.from([0, 1, 2, 0xff, 0xfe, 0x2c]));
  metadata.add("x-bytes-bin", Buffer.from("another"));
  for (const [name, value] of Object.entries(more)) metadata.add(name, value);
  return metadata;
}

/** One row of the matrix: what a program does, and what it has to have seen at the least. */
interface Row {
  readonly what: string;
  readonly run: (client: EchoClient, backend: EchoBackend) => Promise<Seen>;
  readonly status: number;
  readonly messages: number;
}

const ROWS: readonly Row[] = [
  {
    what: "a unary call",
    run: (client) => client.unary(Buffer.from("hello")),
    status: 0,
    messages: 1,
  },
  {
    what: "an empty message",
    run: (client) => client.unary(Buffer.alloc(0)),
    status: 0,
    messages: 1,
  },
  {
    what: "metadata both ways, binary and twice the same",
    run: (client) => client.unary(Buffer.from("m"), { metadata: someMetadata() }),
    status: 0,
    messages: 1,
  },
  {
    what: "a stream of the client",
    run: (client) => client.collect([1, 2, 3, 4].map((at) => Buffer.from(`part ${at};`))),
    status: 0,
    messages: 1,
  },
  {
    what: "a stream of the server",
    run: (client) => watchStream(client.repeat(Buffer.from("again"), { metadata: someMetadata() })),
    status: 0,
    messages: 10,
  },
  {
    what: "a stream each way, in turns",
    run: async (client) => {
      const call = client.talk({ metadata: someMetadata() });
      const seen = watchStream(call);
      for (let at = 0; at < 20; at += 1) {
        call.write(Buffer.from(`word ${at}`));
        await once(call, "data");
      }
      call.end();
      return seen;
    },
    status: 0,
    messages: 20,
  },
  { what: "4 MiB there and back", run: (client) => client.unary(LARGE), status: 0, messages: 1 },
  {
    what: "4 MiB in each of three messages of a stream",
    run: (client) => client.collect([LARGE, LARGE, LARGE]),
    status: 0,
    messages: 1,
  },
  {
    what: "an error with trailers",
    run: (client) => client.unary(Buffer.from("e"), { metadata: someMetadata({ "x-fail": "9" }) }),
    status: status.FAILED_PRECONDITION,
    messages: 0,
  },
  {
    what: "an error with trailers in the middle of a stream",
    run: async (client) => {
      const call = client.talk({ metadata: someMetadata() });
      const seen = watchStream(call);
      call.write(Buffer.from("one"));
      await once(call, "data");
      call.write(Buffer.from("fail"));
      return seen;
    },
    status: status.ABORTED,
    messages: 1,
  },
  {
    what: "a deadline",
    run: (client) =>
      client.unary(Buffer.from("late"), {
        metadata: someMetadata({ "x-wait": "1" }),
        deadlineMs: 200,
      }),
    status: status.DEADLINE_EXCEEDED,
    messages: 0,
  },
  {
    what: "a call that is cancelled, which the backend hears of",
    run: async (client, backend) => {
      const call = client.repeat(Buffer.from("c"), { metadata: someMetadata({ "x-wait": "1" }) });
      const seen = watchStream(call);
      const heard = backend.cancelled("repeat");
      for (let at = 0; at < 10; at += 1) await once(call, "data");
      call.cancel();
      await heard;
      return seen;
    },
    status: status.CANCELLED,
    messages: 10,
  },
];

test("the gRPC matrix: by every way a program of @grpc/grpc-js sees the same messages, metadata, status and trailers", async (t) => {
  await using backend = await startEchoBackend();
  const seenDirectly = new Map<string, Seen>();
  for (const [name, start] of Object.entries(WAYS)) {
    await using way = await start(backend);
    const client = way.client();
    for (const { what, run, status: wanted, messages } of ROWS) {
      await t.test(`${name}: ${what}`, async () => {
        const seen = await run(client, backend);
        assert.equal(seen.status, wanted, seen.details);
        assert.equal(seen.messages.length, messages);
        const direct = seenDirectly.get(what);
        if (direct === undefined) seenDirectly.set(what, seen);
        else assert.deepEqual(withoutWords(seen), withoutWords(direct));
      });
    }
    client.close();
  }
});

/** Debian's own interpreter: it is the one that has Debian's grpcio. */
const PYTHON = "/usr/bin/python3";
const SCRIPT = fileURLToPath(new URL("telemetry/grpc_client.py", import.meta.url));
const WANTED: Readonly<Record<string, readonly [status: number, messages: number]>> = {
  unary: [status.OK, 1],
  large: [status.OK, 1],
  "client stream": [status.OK, 1],
  "server stream": [status.OK, 10],
  "both streams": [status.OK, 20],
  error: [status.FAILED_PRECONDITION, 0],
  deadline: [status.DEADLINE_EXCEEDED, 0],
  cancel: [status.CANCELLED, 10],
  compressed: [status.OK, 1],
};

test("the gRPC matrix: by every way a program of Python's grpcio sees the same messages, metadata, status and trailers, compressed ones too", async (t) => {
  await using backend = await startEchoBackend();
  const seenDirectly = new Map<string, unknown>();
  for (const [name, start] of Object.entries(WAYS)) {
    await using way = await start(backend);
    await using python = launchProcess({ command: PYTHON, args: [SCRIPT, ...way.python] });
    for (const [row, [wanted, messages]] of Object.entries(WANTED)) {
      await t.test(`${name}: ${row}`, async () => {
        const seen = await python.waitForEvent((event) => event["row"] === row);
        assert.equal(seen["status"], wanted, JSON.stringify(seen));
        assert.equal((seen["messages"] as unknown[]).length, messages);
        if (seenDirectly.has(row)) assert.deepEqual(seen, seenDirectly.get(row));
        else seenDirectly.set(row, seen);
      });
    }
    assert.equal((await python.exited).code, 0, python.stderr);
  }
});

/** What a client says of its own deadline names the time it took. */
function withoutWords(seen: Seen): Seen {
  return seen.status === LATE ? { ...seen, details: "" } : seen;
}
