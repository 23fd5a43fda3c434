import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { isTautlineError, TautlineError, toProblem, type ErrorCode } from "@tautline/protocol";
import { BARE_LEVELS, startBareHttp } from "../../test/bare-http.ts";
import { createFleetAuthority } from "../../test/fleet-authority.ts";
import { startHttpCentral, type HttpCentralHandlers } from "../../test/http-central.ts";
import { RECEIVER_PATH, RECEIVER_PROTOCOL } from "../carry/receiver-upgrade.ts";
import { postMessage } from "../http-post.ts";
import { refusalCode } from "../refusal.ts";
import {
  FORWARD_HEADER,
  FORWARD_PATH,
  LARGEST_FORWARD_HEADER_BYTES,
  openForward,
  type OpenForwardOptions,
} from "./open-forward.ts";

const authority = createFleetAuthority();
const host = "central.test:9150";
const SWITCHING = [
  "HTTP/1.1 101 Switching Protocols",
  "Connection: Upgrade",
  "Upgrade: tautline-forward",
];

const head = (...lines: readonly string[]): string => `${lines.join("\r\n")}\r\n\r\n`;

/** Answers every upgrade with these bytes, in one piece. */
function answering(bytes: string): HttpCentralHandlers {
  return { onUpgrade: (_request, socket) => void socket.on("error", () => {}).write(bytes) };
}

async function refusalOf(
  handlers: HttpCentralHandlers,
  options: Partial<OpenForwardOptions> = {},
): Promise<TautlineError> {
  await using central = await startHttpCentral(authority, handlers);
  const { socket } = await central.dial();
  try {
    await openForward({ socket, host, direction: "out", ...options });
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    assert.ok(socket.destroyed, "a link that is of no use is closed");
    return error;
  }
  return assert.fail("the link was upgraded");
}

async function read(socket: Duplex, length: number): Promise<string> {
  let text = "";
  while (text.length < length) {
    const chunk: unknown = socket.read();
    if (chunk instanceof Buffer) text += chunk.toString("latin1");
    else await once(socket, "readable");
  }
  return text;
}

test("the request says what is asked for, which end opens streams, and who asks; then bytes go both ways", async () => {
  const requests: IncomingMessage[] = [];
  await using central = await startHttpCentral(authority, {
    onUpgrade: (request, socket) => {
      requests.push(request);
      socket.write(head(...SWITCHING));
      socket.on("data", (chunk: Buffer) => socket.write(`echo ${chunk.toString()}`));
    },
  });
  const { socket } = await central.dial();
  const proof = { "Tautline-Proof": "x.y" };
  const link = await openForward({
    socket,
    host: "[fe80::1%eth0]:9150",
    direction: "in",
    headers: proof,
  });
  link.write("hello");
  assert.equal(await read(link, 10), "echo hello");
  const [request] = requests;
  assert.equal(request?.method, "GET");
  assert.equal(request?.url, FORWARD_PATH);
  assert.equal(request?.headers.host, "[fe80::1]:9150");
  assert.equal(request?.headers.connection, "Upgrade");
  assert.equal(request?.headers.upgrade, "tautline-forward");
  assert.equal(request?.headers[FORWARD_HEADER], "in");
  assert.equal(request?.headers["tautline-proof"], "x.y");
  assert.equal(central.connections(), 1);
  link.destroy();
});

test("what comes right behind the answer is read first, and nothing of it is lost", async () => {
  const extra = "x".repeat(10_000);
  await using central = await startHttpCentral(authority, {
    onUpgrade: (_request, socket) => {
      socket.write(`${head(...SWITCHING)}first `);
      socket.write(extra);
    },
  });
  const { socket } = await central.dial();
  const link = await openForward({ socket, host, direction: "out" });
  assert.equal(link.readableFlowing, null);
  // A reader that comes late finds everything.
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await read(link, 10_006), `first ${extra}`);
  link.destroy();
});

for (const level of BARE_LEVELS) {
  test(`at the level ${level} a link that a number was asked for over is upgraded all the same`, async () => {
    await using central = await startBareHttp(level);
    central.http.on("request", (_request, response) => response.writeHead(401).end());
    central.http.on("upgrade", (_request, socket: Duplex) => {
      socket.on("error", () => {}).write(`${head(...SWITCHING)}hello`);
    });
    const socket = await central.dial();
    const post = { path: "/v1/opamp", host, headers: {}, body: new Uint8Array(), maxBytes: 100 };
    assert.equal((await postMessage({ ...post, socket })).status, 401);
    const link = await openForward({ socket, host, direction: "out" });
    assert.equal(await read(link, 5), "hello");
    assert.equal(central.connections(), 1);
    link.destroy();
  });
}

test("a link goes over to another protocol where that is asked for, and to no other than the one asked for", async () => {
  let asked = "";
  const handlers: HttpCentralHandlers = {
    onUpgrade: (request, socket) => {
      asked = `${request.url} ${request.headers.upgrade}`;
      const to = head(SWITCHING[0] ?? "", "Connection: Upgrade", `Upgrade: ${RECEIVER_PROTOCOL}`);
      socket.on("error", () => {}).write(`${to}PRI`);
    },
  };
  await using central = await startHttpCentral(authority, handlers);
  const { socket } = await central.dial();
  const to = { path: RECEIVER_PATH, protocol: RECEIVER_PROTOCOL };
  const carried = await openForward({ socket, host, direction: "out", ...to });
  assert.equal(await read(carried, 3), "PRI");
  assert.equal(asked, "/v1/receiver tautline-receiver");
  carried.destroy();
  const refusal = await refusalOf(answering(head(...SWITCHING)), to);
  assert.equal(refusal.code, "link.answer_malformed");
});

test("a refusal arrives with its code, sentence, remedy and Retry-After", async () => {
  const problem = JSON.stringify(toProblem(new TautlineError("admission.agent_revoked")));
  const bytes = head(
    "HTTP/1.1 403 Forbidden",
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(problem)}`,
    "Retry-After: 7",
  );
  const error = await refusalOf(answering(bytes + problem));
  assert.equal(error.code, "link.refused");
  assert.equal(refusalCode(error), "admission.agent_revoked");
  assert.equal(error.detail["retryAfterSeconds"], 7);
});

test("a server that knows no upgrades refuses without a code", async () => {
  const error = await refusalOf({ onRequest: (_request, response) => void response.end("hello") });
  assert.equal(error.code, "link.refused");
  assert.equal(refusalCode(error), undefined);
});

/** An answer whose status, names and values have so many bytes; Node counts nothing else. */
function answerOf(bytes: number): string {
  const others = "Switching ProtocolsConnectionUpgradeUpgradetautline-forwardX".length;
  return head(...SWITCHING, `X: ${"x".repeat(bytes - others)}`);
}

test("headers one byte below the limit are read", async () => {
  const bytes = answerOf(LARGEST_FORWARD_HEADER_BYTES - 1);
  await using central = await startHttpCentral(authority, answering(`${bytes}hello`));
  const { socket } = await central.dial();
  const link = await openForward({ socket, host, direction: "out" });
  assert.equal(await read(link, 5), "hello");
  link.destroy();
});

const BAD: readonly (readonly [what: string, code: ErrorCode, bytes: string])[] = [
  [
    "another protocol",
    "link.answer_malformed",
    head(...SWITCHING.slice(0, 2), "Upgrade: websocket"),
  ],
  ["what is no HTTP", "link.answer_malformed", "SSH-2.0-OpenSSH_9\r\n\r\n"],
  ["headers at the limit", "link.answer_malformed", answerOf(LARGEST_FORWARD_HEADER_BYTES)],
  [
    "a problem that never ends",
    "link.answer_malformed",
    head("HTTP/1.1 403 Forbidden", "Content-Length: 99999999") + "x".repeat(64 * 1024 + 1),
  ],
];

for (const [what, code, bytes] of BAD) {
  test(`${what} in place of the upgrade is ${code}`, async () => {
    assert.equal((await refusalOf(answering(bytes))).code, code);
  });
}

test("an end in place of an answer is link.broken", async () => {
  const error = await refusalOf({ onUpgrade: (_request, socket) => void socket.end() });
  assert.equal(error.code, "link.broken");
});

test("no answer in time is link.timeout", async () => {
  const error = await refusalOf({ onUpgrade: () => {} }, { timeoutMs: 1 });
  assert.equal(error.code, "link.timeout");
});

test("an upgrade called off is link.cancelled, before it began and while it waits", async () => {
  const before = await refusalOf({ onUpgrade: () => {} }, { signal: AbortSignal.abort() });
  assert.equal(before.code, "link.cancelled");
  const calling = new AbortController();
  const onUpgrade = (): void => calling.abort();
  const meanwhile = await refusalOf({ onUpgrade }, { signal: calling.signal });
  assert.equal(meanwhile.code, "link.cancelled");
});

test("a link that has ended is link.broken", async () => {
  await using central = await startHttpCentral(authority, {});
  const { socket } = await central.dial();
  socket.destroy();
  await assert.rejects(openForward({ socket, host, direction: "out" }), { code: "link.broken" });
});
