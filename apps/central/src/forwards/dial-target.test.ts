import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { describe, it } from "node:test";
import { refusalOf } from "../fixture-checks.test.ts";
import { dialTarget, type DialledAllowance, type LookupAll } from "./dial-target.ts";
import { proxyHeader } from "./proxy-header.ts";

const OWN = { ports: (): number[] => [], addresses: (): string[] => [] };

/** A target of its own: what it was sent, whole, and what it says once it is open. */
interface Target extends AsyncDisposable {
  readonly port: number;
  readonly connections: () => number;
  readonly accepted: Promise<Socket>;
}

async function startTarget(host = "127.0.0.1"): Promise<Target> {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  let connections = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    resolve(socket);
  });
  server.listen(0, host);
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    port: address.port,
    connections: () => connections,
    accepted,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const allowance = (target: string, changes: Partial<DialledAllowance> = {}): DialledAllowance => ({
  name: "db",
  target,
  alsoLocal: false,
  proxyProtocol: false,
  ...changes,
});

/** Answers with one list after the other, and counts how often it was asked. */
function lookupOf(...answers: readonly (readonly string[])[]): LookupAll & { asked: string[] } {
  const left = [...answers];
  const asked: string[] = [];
  const lookup: LookupAll = (name) => {
    asked.push(name);
    return Promise.resolve(left.shift() ?? []);
  };
  return Object.assign(lookup, { asked });
}

const endless: LookupAll = () => new Promise(() => {});

function forbiddenOnes(count: number): string[] {
  return Array<string>(count).fill("169.254.0.1");
}

function failing(code: string): LookupAll {
  return () => Promise.reject(Object.assign(new Error(code), { code }));
}

describe("dialTarget", () => {
  it("connects to an address that is named, each direction ending by itself", async () => {
    await using target = await startTarget();
    const { socket, address } = await dialTarget(allowance(`127.0.0.1:${target.port}`), {
      own: OWN,
    });
    assert.deepEqual(address, { host: "127.0.0.1", port: target.port });
    socket.end("question");
    const there = await target.accepted;
    assert.equal((await readAll(there)).toString(), "question");
    there.end("answer");
    assert.equal((await readAll(socket)).toString(), "answer");
  });

  it("a name is looked up once, and connected to by its judged address", async () => {
    await using target = await startTarget("127.0.0.1");
    const lookup = lookupOf(["127.0.0.1"], ["169.254.169.254"]);
    const allowed = allowance(`db.example:${target.port}`, { alsoLocal: true });
    const { socket } = await dialTarget(allowed, { own: OWN, lookup });
    assert.equal(socket.remoteAddress, "127.0.0.1");
    assert.deepEqual(lookup.asked, ["db.example"]);
    socket.destroy();
  });

  it("a name that has become a forbidden address between two dials is refused at the second", async () => {
    await using target = await startTarget();
    const lookup = lookupOf(["127.0.0.1"], ["169.254.169.254"]);
    const allowed = allowance(`db.example:${target.port}`, { alsoLocal: true });
    (await dialTarget(allowed, { own: OWN, lookup })).socket.destroy();
    await refusalOf(dialTarget(allowed, { own: OWN, lookup }), "forward.target_forbidden");
  });

  const forbidden: [what: string, target: string, addresses: readonly string[]][] = [
    ["a name at loopback", "db.example", ["127.0.0.1", "::1"]],
    ["a name at loopback in IPv6 form", "db.example", ["::ffff:127.0.0.1"]],
    ["a name at a cloud's metadata", "db.example", ["169.254.169.254"]],
    ["a name at no address of this host in particular", "db.example", ["0.0.0.0"]],
    ["an address that is written like a name", "0x7f000001", ["127.0.0.1"]],
  ];
  for (const [what, host, addresses] of forbidden) {
    it(`${what} is refused, and nothing is connected to`, async () => {
      await using target = await startTarget();
      const allowed = allowance(`${host}:${target.port}`);
      const lookup = lookupOf(addresses);
      await refusalOf(dialTarget(allowed, { own: OWN, lookup }), "forward.target_forbidden");
      assert.equal(target.connections(), 0);
    });
  }

  it("the system's own lookup is judged as well: localhost is loopback", async () => {
    await using target = await startTarget();
    const allowed = allowance(`localhost:${target.port}`);
    await refusalOf(dialTarget(allowed, { own: OWN }), "forward.target_forbidden");
    const local = { ...allowed, alsoLocal: true };
    (await dialTarget(local, { own: OWN })).socket.destroy();
  });

  it("central's own port is refused to a name that may be local", async () => {
    await using central = await startTarget();
    const own = { ...OWN, ports: () => [central.port] };
    const allowed = allowance(`central.example:${central.port}`, { alsoLocal: true });
    const lookup = lookupOf(["127.0.0.1"]);
    const error = await refusalOf(dialTarget(allowed, { own, lookup }), "forward.target_forbidden");
    assert.match(error.message, /its target is at a port of central itself\.$/);
    assert.equal(central.connections(), 0);
  });

  it("a forbidden address is skipped, and one where nobody listens gives way to the next", async () => {
    await using target = await startTarget("127.0.0.1");
    const lookup = lookupOf(["169.254.169.254", "127.0.0.9", "127.0.0.1"]);
    const allowed = allowance(`db.example:${target.port}`, { alsoLocal: true });
    const { socket, address } = await dialTarget(allowed, { own: OWN, lookup });
    assert.equal(address.host, "127.0.0.1");
    socket.destroy();
  });

  it("no more than 16 addresses of a name are judged and tried", async () => {
    await using target = await startTarget("127.0.0.1");
    const allowed = allowance(`db.example:${target.port}`, { alsoLocal: true });
    const within = lookupOf([...forbiddenOnes(15), "127.0.0.1"]);
    (await dialTarget(allowed, { own: OWN, lookup: within })).socket.destroy();
    const beyond = lookupOf([...forbiddenOnes(16), "127.0.0.1"]);
    await refusalOf(dialTarget(allowed, { own: OWN, lookup: beyond }), "forward.target_forbidden");
  });

  const failures: [what: string, lookup: LookupAll, reason: RegExp][] = [
    ["a name that is not known", failing("ENOTFOUND"), /its name is not known\.$/],
    ["a resolver that is away", failing("EAI_AGAIN"), /could not be looked up now\.$/],
    ["a name without an address", lookupOf([]), /its name has no address\.$/],
    ["anything else", failing("EWHATEVER"), /the connection failed\.$/],
  ];
  for (const [what, lookup, reason] of failures) {
    it(`${what} is told plainly`, async () => {
      const dial = dialTarget(allowance("db.example:5432"), { own: OWN, lookup });
      assert.match((await refusalOf(dial, "forward.target_unreachable")).message, reason);
    });
  }

  it("a port where nobody listens is told plainly, without the address", async () => {
    const { port } = await freePort();
    const dial = dialTarget(allowance(`127.0.0.1:${port}`), { own: OWN });
    const error = await refusalOf(dial, "forward.target_unreachable");
    assert.match(error.message, /nothing listens on its port\.$/);
    assert.equal(`${error.message} ${error.remedy}`.includes("127.0.0.1"), false);
  });

  it("a lookup that never ends is ended by the limit of time", async () => {
    const options = { own: OWN, lookup: endless, timeoutMs: 1 };
    const dial = dialTarget(allowance("db.example:5432"), options);
    const error = await refusalOf(dial, "forward.target_unreachable");
    assert.match(error.message, /it did not answer in time\.$/);
  });

  it("whoever asked can call it off, before and while it runs", async () => {
    const reason = new Error("the stream was reset");
    const calledOff = { own: OWN, signal: AbortSignal.abort(reason) };
    await assert.rejects(dialTarget(allowance("db.example:5432"), calledOff), reason);
    const caller = new AbortController();
    const lookup: LookupAll = () => {
      caller.abort(reason);
      return new Promise(() => {});
    };
    const running = { own: OWN, lookup, signal: caller.signal };
    await assert.rejects(dialTarget(allowance("db.example:5432"), running), reason);
  });

  it("a target that resets at once ends no process", async () => {
    await using target = await startTarget();
    const { socket } = await dialTarget(allowance(`127.0.0.1:${target.port}`), { own: OWN });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    (await target.accepted).resetAndDestroy();
    await closed;
  });

  it("sends the PROXY header before anything else, if it is asked for", async () => {
    const endpoints = {
      source: { host: "192.0.2.7", port: 40_000 },
      destination: { host: "198.51.100.1", port: 9150 },
    };
    for (const known of [endpoints, undefined]) {
      await using target = await startTarget();
      const allowed = allowance(`127.0.0.1:${target.port}`, { proxyProtocol: true });
      const { socket } = await dialTarget(allowed, { own: OWN, endpoints: known });
      socket.end("hello");
      const sent = await readAll(await target.accepted);
      assert.deepEqual(sent, Buffer.concat([proxyHeader(known), Buffer.from("hello")]));
      socket.destroy();
    }
  });
});

/** What comes until the other end has sent all; the direction back stays open, which an iterator would close. */
function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    socket.once("end", () => resolve(Buffer.concat(chunks))).once("error", reject);
  });
}

/** A port that was free a moment ago. */
async function freePort(): Promise<{ readonly port: number }> {
  const target = await startTarget();
  await target[Symbol.asyncDispose]();
  return { port: target.port };
}
