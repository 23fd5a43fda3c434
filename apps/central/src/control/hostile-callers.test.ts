import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { fromWireText, LIMITS, type ServerToAgent } from "@tautline/protocol";
import type { CentralConfig } from "../config.ts";
import {
  admin,
  type Answer,
  bearer,
  callSecure,
  dialTls,
  joinOver,
  newToken,
  openControl,
  openJoining,
  poll,
  polled,
  problemCode,
  type TestCentral,
  withCentral,
} from "../fixture-central.test.ts";
import { described, messageOf } from "./fixture-messages.test.ts";
import { MAX_BAD_MESSAGES } from "./websocket-link.ts";

const codeOf = (message: ServerToAgent): string | undefined =>
  fromWireText(message.errorResponse?.errorMessage ?? "").code;

/** Each attempt is looked at, as if each came from a source of its own. */
const EVERY_ATTEMPT = {
  change: (config: CentralConfig): CentralConfig => ({
    ...config,
    admission: { ...config.admission, failedAttempts: 1_000 },
  }),
};

/** That central does its work: an agent joins and is answered. */
async function livesOn(test: TestCentral): Promise<void> {
  const agent = await joinOver(test);
  const link = await openControl(test, agent);
  link.send(messageOf(agent.id, 0, described()));
  assert.equal((await link.next()).errorResponse, undefined);
  link.close();
  await link.closed;
}

/** Everything a socket says until it is closed. */
async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

describe("a WebSocket link", () => {
  it("A29: a message over the limit by a byte is told so and closed with 1009; central lives", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      const over = Buffer.alloc(1 + LIMITS.opampMessageBytes.value + 1);
      link.socket.send(over);
      assert.equal(codeOf(await link.next()), "opamp.too_large");
      assert.deepEqual(await link.closed, { code: 1009, reason: "opamp.too_large" });
      await livesOn(test);
    }));

  it("F15: a message far over the limit is cut before it is read into memory", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      link.socket.on("error", () => {});
      link.socket.send(Buffer.alloc(64 * 1024 * 1024));
      assert.ok([1006, 1009].includes((await link.closed).code));
      await livesOn(test);
      const { text } = await callAdmin(test, "/metrics");
      assert.match(text, /tautline_refusals_total\{code="opamp\.too_large"\} 1/);
    }));

  it("A29: who has only a token is held to the smaller limit", () =>
    withCentral(async (test) => {
      const link = await openJoining(test, await newToken(test));
      link.socket.send(Buffer.alloc(1 + LIMITS.opampUnprovenMessageBytes.value + 1));
      assert.equal(codeOf(await link.next()), "opamp.too_large");
      assert.equal((await link.closed).code, 1009);
    }));

  const frames: { name: string; data: Buffer | string }[] = [
    { name: "an empty frame", data: Buffer.alloc(0) },
    { name: "a header of two bytes", data: Buffer.of(0x80, 0x00) },
    { name: "no header", data: Buffer.of(0x0a, 0x00) },
    { name: "noise", data: Buffer.alloc(64, 0xff) },
    { name: "text", data: "\0{}" },
  ];
  for (const { name, data } of frames) {
    it(`answers ${name} with an error that is never empty, and goes on`, () =>
      withCentral(async (test) => {
        const agent = await joinOver(test);
        const link = await openControl(test, agent);
        link.socket.send(data);
        assert.equal(codeOf(await link.next()), "opamp.malformed");
        link.send(messageOf(agent.id, 0, described()));
        assert.equal((await link.next()).errorResponse, undefined);
      }));
  }

  it("closes after too many bad messages, and looks at none of those behind", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      for (let at = 0; at < MAX_BAD_MESSAGES; at += 1) link.socket.send(Buffer.of(1));
      link.send(messageOf(agent.id, 0, described({ role: "too late" })));
      for (let at = 0; at < MAX_BAD_MESSAGES; at += 1) {
        assert.equal(codeOf(await link.next()), "opamp.malformed");
      }
      assert.equal((await link.closed).code, 1008);
      const page = await admin<{ attributes: object }>(test, "GET", `/api/v1/agents/${agent.id}`);
      assert.deepEqual(page.attributes, {});
    }));

  it("answers a thousand messages sent in one breath, in order", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      for (let seq = 0; seq < 1_000; seq += 1) {
        link.send(messageOf(agent.id, seq, seq === 0 ? described() : {}));
      }
      for (let seq = 0; seq < 1_000; seq += 1) {
        const answer = await link.next();
        assert.equal(answer.flags, 0n, `after message ${seq}`);
      }
    }));

  it("keeps what an agent said last, although it hung up right after it", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const link = await openControl(test, agent);
      link.send(messageOf(agent.id, 0, described({ role: "last words" })));
      link.close();
      await link.closed;
      // Closed means: handled and taken off the list.
      for (;;) {
        const page = await admin<{ attributes: Record<string, string> }>(
          test,
          "GET",
          `/api/v1/agents/${agent.id}`,
        );
        if (page.attributes["role"] === "last words") break;
      }
      const { items } = await admin<{ items: unknown[] }>(test, "GET", "/api/v1/links");
      assert.deepEqual(items, []);
    }));
});

async function asked(
  test: TestCentral,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { identity } = await joinOver(test);
  return poll(test, body, { identity, headers });
}

describe("a polling request", () => {
  it("may be gzip, as OpAMP wants", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const body = gzipSync(messageOf(agent.id, 0, described({ role: "zipped" })));
      const headers = { "content-encoding": "GZIP" };
      const answer = await poll(test, body, { identity: agent.identity, headers });
      assert.equal(polled(answer).errorResponse, undefined);
    }));

  it("A29: a gzip bomb is cut at the limit of what comes out", () =>
    withCentral(async (test) => {
      const bomb = gzipSync(Buffer.alloc(512 * 1024 * 1024, 0), { level: 1 });
      const small = gzipSync(Buffer.alloc(LIMITS.opampMessageBytes.value + 1));
      for (const body of [small, bomb]) {
        const answer = await asked(test, body, { "content-encoding": "gzip" });
        assert.equal(answer.status, 413);
        assert.equal(codeOf(polled(answer)), "opamp.too_large");
      }
    }));

  it("over the limit by a byte is 413 with OpAMP's own answer, declared or not", () =>
    withCentral(async (test) => {
      const over = Buffer.alloc(LIMITS.opampMessageBytes.value + 1);
      for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
        const answer = await asked(test, over, headers);
        assert.equal(answer.status, 413);
        assert.equal(codeOf(polled(answer)), "opamp.too_large");
      }
      const token = await newToken(test);
      const unproven = Buffer.alloc(LIMITS.opampUnprovenMessageBytes.value + 1);
      const answer = await poll(test, unproven, { headers: bearer(token) });
      assert.equal(answer.status, 413);
    }));

  it("A29: of a stranger is refused before its body is read", () =>
    withCentral(async (test) => {
      const socket = await dialTls(test.agentsPort);
      const said = readAll(socket);
      socket.write(
        "POST /v1/opamp HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n" +
          "content-length: 100000000\r\nconnection: close\r\n\r\n",
      );
      assert.match(await said, /^HTTP\/1\.1 401 .*admission\.credential_missing/s);
    }));

  for (const [name, type] of [
    ["JSON", "application/json"],
    ["a form", "application/x-www-form-urlencoded"],
    ["text", "text/plain"],
  ] as const) {
    it(`of ${name} is not read at all`, () =>
      withCentral(async (test) => {
        const answer = await asked(test, Buffer.from("{}"), { "content-type": type });
        assert.equal(answer.status, 415);
        assert.equal(problemCode(answer), "api.unsupported_media");
      }));
  }

  it("in another coding than gzip is refused as such", () =>
    withCentral(async (test) => {
      const answer = await asked(test, Buffer.from("x"), { "content-encoding": "br" });
      assert.equal(answer.status, 415);
      assert.equal(problemCode(answer), "api.unsupported_media");
    }));

  it("that is not gzip although it says so, and an empty one, get OpAMP's error", () =>
    withCentral(async (test) => {
      for (const [body, headers] of [
        [Buffer.from("x"), { "content-encoding": "gzip" }],
        [Buffer.alloc(0), {}],
      ] as const) {
        const answer = await asked(test, body, headers);
        assert.equal(answer.status, 200);
        assert.equal(codeOf(polled(answer)), "opamp.malformed");
      }
    }));

  it("cut in the middle is no refusal of ours, and the agent may ask again at once", () =>
    withCentral(async (test) => {
      const agent = await joinOver(test);
      const socket = await dialTls(test.agentsPort, agent.identity);
      socket.on("error", () => {});
      socket.write(
        "POST /v1/opamp HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n" +
          "content-length: 1000\r\nexpect: 100-continue\r\n\r\n",
      );
      await once(socket, "data");
      socket.destroy();
      await once(socket, "close");
      for (;;) {
        const answer = await poll(test, messageOf(agent.id, 0, described()), agent);
        if (answer.status === 200) break;
        assert.equal(problemCode(answer), "opamp.one_at_a_time");
      }
      assert.equal(
        test.lines.some(({ level }) => level === "error"),
        false,
      );
    }));
});

describe("strangers", () => {
  it("plaintext on a port that has none gets nothing but its refusal, and is named in the log", () =>
    withCentral(async (test) => {
      for (const [port, says, code] of [
        [test.agentsPort, /^HTTP\/1\.1 426 /, "link.level_closed"],
        [test.consolePort, /^(?!HTTP)/, "link.not_tls"],
      ] as const) {
        const socket = connect(port, "127.0.0.1");
        const said = readAll(socket);
        socket.write("GET /v1/opamp HTTP/1.1\r\nhost: x\r\n\r\n");
        assert.match(await said, says);
        assert.equal(test.lines.filter((line) => line["code"] === code).length, 1);
      }
    }));

  it("what is no HTTP inside TLS gets 400 and an end", () =>
    withCentral(async (test) => {
      for (const port of [test.agentsPort, test.consolePort]) {
        for (const [text, status] of [
          ["\x16\x03\x01 hello\r\n\r\n", 400],
          [`GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, 413],
        ] as const) {
          const socket = await dialTls(port);
          const said = readAll(socket);
          socket.write(text);
          assert.match(
            await said,
            new RegExp(`^HTTP/1\\.1 ${status} .*urn:tautline:error:api`, "s"),
          );
        }
      }
    }));

  it("A20: a hundred bad tokens cost the database nothing: no entry, no write", () =>
    withCentral(async (test) => {
      const counters = async (): Promise<string> => {
        const { items } = await admin<{ items: unknown[] }>(test, "GET", "/api/v1/audit");
        const wal = readdirSync(test.dataDir).find((name) => name.endsWith("-wal")) ?? "";
        const { size, mtimeMs } = statSync(`${test.dataDir}/${wal}`);
        return `${items.length} entries, ${size} bytes, written ${mtimeMs}`;
      };
      const before = await counters();
      const token = { tokenId: "0".repeat(16), secret: Buffer.alloc(32) };
      const answers = await Promise.all(
        Array.from({ length: 100 }, () =>
          callSecure({
            port: test.agentsPort,
            method: "POST",
            path: "/v1/opamp",
            headers: { ...bearer(token), "content-type": "application/x-protobuf" },
          }),
        ),
      );
      for (const answer of answers) assert.equal(answer.status, 401);
      assert.equal(await counters(), before);
      const { text } = await callAdmin(test, "/metrics");
      assert.match(text, /tautline_refusals_total\{code="enrolment\.token_unknown"\} 100/);
    }, EVERY_ATTEMPT));

  it("A15: three hundred failed upgrades leave no descriptor behind, also of callers who never hang up", () =>
    withCentral(async (test) => {
      await livesOn(test);
      const before = openDescriptors();
      for (let round = 0; round < 5; round += 1) {
        await Promise.all(
          Array.from({ length: 50 }, async () => {
            const socket = await dialTls(test.agentsPort);
            const said = readAll(socket);
            socket.write(UPGRADE);
            assert.match(await said, /^HTTP\/1\.1 401 /);
          }),
        );
      }
      const holders = await Promise.all(
        Array.from({ length: 50 }, async () => {
          const socket = await dialTls(test.agentsPort);
          socket.allowHalfOpen = true;
          const ended = once(socket.resume(), "end");
          socket.write(UPGRADE);
          await ended;
          return socket;
        }),
      );
      // Their own ends stand; central's go, and until they do this asks for something else.
      while (openDescriptors() - before > holders.length + 5) {
        await admin(test, "GET", "/api/v1/status");
      }
      for (const socket of holders) assert.equal(socket.destroyed, false);
      for (const socket of holders) socket.destroy();
      await livesOn(test);
    }, EVERY_ATTEMPT));
});

const UPGRADE =
  "GET /v1/opamp HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
  "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

function callAdmin(test: TestCentral, path: string): Promise<Answer> {
  return callSecure({ port: test.consolePort, path });
}
