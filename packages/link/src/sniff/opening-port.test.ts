import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, get } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { isTautlineError, type Level, LEVELS, type TautlineError } from "@tautline/protocol";
import { createQueue } from "../../test/arrival-queue.ts";
import { createFleetAuthority, testNow } from "../../test/fleet-authority.ts";
import { createTlsAcceptor } from "../accept-tls.ts";
import { createAdvancedAcceptor } from "../advanced/accept-advanced.ts";
import { dialAdvanced } from "../advanced/dial-advanced.ts";
import { acceptBasic } from "../basic/accept-basic.ts";
import { dialBasic } from "../basic/dial-basic.ts";
import { basicPsk } from "../basic/prologue.ts";
import { createClientJudge } from "../client-judge.ts";
import { rootsPem } from "../tls-settings.ts";
import { createOpeningPort } from "./opening-port.ts";

const TIMEOUT_MS = 10_000;
const sharedKey = Buffer.alloc(32, 1);
const psk = basicPsk(sharedKey);
const authority = createFleetAuthority();
const key = { name: "legacy", version: 1 };

const findKeys = () => [{ ...key, psk }];

interface RunningPort extends AsyncDisposable {
  readonly port: number;
  /** What each end that took a connection calls it, in order. */
  next(): Promise<string>;
  failure(): Promise<TautlineError>;
}

async function openPort(
  accepted: readonly Level[] = LEVELS,
  openingTimeoutMs = TIMEOUT_MS,
): Promise<RunningPort> {
  const taken = createQueue<string>();
  const failures = createQueue<TautlineError>();
  const http = createHttpServer((_request, response) => {
    taken.put("plaintext");
    response.end("plain");
  });
  http.emit("listening");
  const certificates = createTlsAcceptor({
    identity: authority.central(),
    clientRootsPem: rootsPem([authority.root]),
    judgeClient: createClientJudge({
      trustDomain: authority.trustDomain,
      roots: () => [authority.root],
      isRevoked: () => false,
      now: testNow,
    }),
    handshakeTimeoutMs: TIMEOUT_MS,
    now: testNow,
    onSecured: (_socket, { level }) => taken.put(level),
    onFailed: (error) => failures.put(error),
  });
  const advanced = createAdvancedAcceptor({
    findKey: () => ({ ...key, sharedKey }),
    handshakeTimeoutMs: TIMEOUT_MS,
    now: testNow,
    onSecured: (_stream, { level }) => taken.put(level),
    onFailed: (error) => failures.put(error),
  });
  const basic = {
    emit: (_event: "connection", socket: Socket): boolean => {
      acceptBasic(socket, {
        findKeys,
        address: "caller",
        timeoutMs: TIMEOUT_MS,
        now: testNow,
      }).then(
        ({ evidence }) => taken.put(evidence.level),
        (error: unknown) => failures.put(error as TautlineError),
      );
      return true;
    },
  };
  const open = new Set<Socket>();
  const server = createOpeningPort({
    openingTimeoutMs,
    maxConnections: 100,
    accepts: (level) => accepted.includes(level),
    explain: (level) => ({
      code: "policy.level_refused",
      text: `This port does not accept ${level}.`,
      remedy: "Use mtls.",
    }),
    plain: http,
    certificates: certificates.server,
    advanced,
    basic,
    onFailed: (error) => failures.put(error),
  });
  server.on("connection", (socket) => {
    open.add(socket);
    socket.on("error", () => {}).once("close", () => open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    next: taken.take,
    failure: failures.take,
    [Symbol.asyncDispose]: async () => {
      http.close();
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  await once(socket, "connect");
  return socket.on("error", () => {});
}

const common = { address: "port under test", timeoutMs: TIMEOUT_MS, now: testNow, isBound: false };
const dialKey = { name: "legacy" };

/** Calls a port at each level; what it throws is the refusal. */
const CALLS: Record<Level, (port: number) => Promise<unknown>> = {
  plaintext: async (port) => {
    get({ port, host: "127.0.0.1", agent: false }, (response) => response.resume());
  },
  basic: async (port) => dialBasic(await dial(port), { ...common, key: dialKey, psk }),
  advanced: async (port) =>
    dialAdvanced(await dial(port), { ...common, host: "127.0.0.1", key: dialKey, sharedKey }),
  tls: async (port) => once(connectTls({ port, rejectUnauthorized: false }), "secureConnect"),
  mtls: async (port) => {
    const { keyPem, chainPem } = authority.agent("agent-client");
    const own = { key: keyPem, cert: chainPem };
    await once(connectTls({ port, rejectUnauthorized: false, ...own }), "secureConnect");
  },
};

describe("one port serves", () => {
  for (const level of LEVELS) {
    it(level, async () => {
      await using running = await openPort();
      await CALLS[level](running.port);
      assert.equal(await running.next(), level);
    });
  }

  it("all levels at once, each caller with its own", async () => {
    await using running = await openPort();
    await Promise.all(LEVELS.map((level) => CALLS[level](running.port)));
    const seen = await Promise.all(LEVELS.map(() => running.next()));
    assert.deepEqual(seen.toSorted(), [...LEVELS].toSorted());
  });

  it("a caller whose first bytes come one by one", async () => {
    await using running = await openPort();
    const socket = await dial(running.port);
    for (const byte of Buffer.from("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) {
      socket.write(Buffer.of(byte));
    }
    assert.match((await buffer(socket)).toString(), /plain$/);
  });
});

describe("a caller at a level that is closed is refused in its own language", () => {
  it("basic: in a refusal that names level and remedy", async () => {
    await using running = await openPort(["mtls"]);
    const error: unknown = await CALLS.basic(running.port).catch((reason: unknown) => reason);
    assert.ok(isTautlineError(error));
    assert.equal(error.code, "link.level_refused");
    assert.match(error.message, /does not accept basic/);
    const failure = await running.failure();
    assert.equal(failure.code, "link.level_closed");
    assert.equal(failure.remedy, error.detail["remedy"]);
  });

  it("advanced: by an alert, with the reason in central's own record", async () => {
    await using running = await openPort(["mtls"]);
    const error: unknown = await CALLS.advanced(running.port).catch((reason: unknown) => reason);
    assert.ok(isTautlineError(error));
    assert.equal(error.code, "link.level_refused");
    assert.match((await running.failure()).message, /level advanced.*does not accept advanced/);
  });

  it("HTTP/2: by GOAWAY with the reason", async () => {
    await using running = await openPort();
    const session = connectHttp2(`http://127.0.0.1:${running.port}`).on("error", () => {});
    const [code, , data] = (await once(session, "goaway")) as [number, number, Buffer];
    assert.equal(code, constants.NGHTTP2_INADEQUATE_SECURITY);
    assert.match(data.toString(), /does not accept plaintext.*Use mtls/);
    session.destroy();
  });
});

describe("a caller of no kind", () => {
  const callers: [string, string, string][] = [
    ["that speaks SSH", "SSH-2.0-x\r\n", "link.opening_unknown"],
    ["that says half a word and hangs up", "PO", "link.handshake_cut"],
    ["that hangs up at once", "", "link.handshake_cut"],
  ];
  for (const [who, bytes, code] of callers) {
    it(`${who} is closed: ${code}`, async () => {
      await using running = await openPort();
      const socket = await dial(running.port);
      socket.end(bytes);
      assert.equal((await running.failure()).code, code);
      assert.equal((await buffer(socket)).length, 0);
    });
  }

  it("that says nothing is closed at the limit (F13)", async () => {
    await using running = await openPort(LEVELS, 1);
    const socket = await dial(running.port);
    assert.equal((await running.failure()).code, "link.timeout");
    await once(socket.resume(), "end");
    socket.destroy();
  });

  it("whose hello never ends is closed at its size", async () => {
    await using running = await openPort();
    const socket = await dial(running.port);
    const record = Buffer.concat([Buffer.from([0x16, 3, 1, 0x40, 0]), Buffer.alloc(16_384)]);
    record.set([1, 0, 0x40, 0], 5);
    socket.write(Buffer.concat([record, record, record]));
    await once(socket.resume(), "end");
    socket.destroy();
  });
});
