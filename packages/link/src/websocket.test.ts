import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Readable, pipeline } from "node:stream";
import { test } from "node:test";
import { TautlineError, isTautlineError, toProblem, type ErrorCode } from "@tautline/protocol";
import type { WebSocket } from "ws";
import { postMessage } from "./http-post.ts";
import { refusalCode } from "./refusal.ts";
import { createFleetAuthority } from "../test/fleet-authority.ts";
import {
  startHttpCentral,
  type HttpCentral,
  type HttpCentralHandlers,
} from "../test/http-central.ts";
import { openWebSocket, type OpenWebSocketOptions } from "./websocket.ts";

const authority = createFleetAuthority();

async function open(
  central: HttpCentral,
  options: Partial<OpenWebSocketOptions> = {},
): Promise<WebSocket> {
  const { socket } = await central.dial();
  return openWebSocket({
    socket,
    path: "/v1/opamp",
    host: "central.test:9150",
    headers: {},
    maxMessageBytes: 1000,
    ...options,
  });
}

/** Answers every upgrade with these bytes instead. */
function answering(...lines: readonly string[]): HttpCentralHandlers {
  return {
    onUpgrade: (_request, socket) => {
      socket.on("error", () => {});
      socket.end(lines.join("\r\n"));
    },
  };
}

async function refusalOf(handlers: HttpCentralHandlers): Promise<TautlineError> {
  await using central = await startHttpCentral(authority, handlers);
  try {
    await open(central);
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    return error;
  }
  return assert.fail("the link was opened");
}

function failsWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isTautlineError(error), String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

test("messages go both ways over the dialled link, with path, host, headers and subprotocol as given", async () => {
  const requests: IncomingMessage[] = [];
  await using central = await startHttpCentral(authority, {
    onWebSocket: (websocket, request) => {
      requests.push(request);
      websocket.on("message", (data: Buffer) => {
        websocket.send(Buffer.concat([Buffer.from("echo "), data]));
      });
    },
  });
  const websocket = await open(central, {
    headers: { Authorization: "Bearer id.secret" },
    subprotocol: "opamp",
  });
  const answered = once(websocket, "message");
  websocket.send(Buffer.from("hello"));
  assert.equal(String((await answered)[0]), "echo hello");
  const [request] = requests;
  assert.equal(request?.url, "/v1/opamp");
  assert.equal(request?.headers.host, "central.test:9150");
  assert.equal(request?.headers.authorization, "Bearer id.secret");
  assert.equal(request?.headers["sec-websocket-protocol"], "opamp");
  assert.equal(central.connections(), 1);
  websocket.terminate();
});

test("a link that a message was posted over becomes a WebSocket all the same", async () => {
  await using central = await startHttpCentral(authority, {
    onRequest: (_request, response) => void response.writeHead(401).end(),
    onWebSocket: (websocket) => websocket.on("message", (data: Buffer) => websocket.send(data)),
  });
  const { socket } = await central.dial();
  const post = { path: "/v1/opamp", host: "central.test:9150", headers: {} };
  const answer = await postMessage({ ...post, socket, body: new Uint8Array(), maxBytes: 100 });
  assert.equal(answer.status, 401);
  const websocket = await openWebSocket({ ...post, socket, maxMessageBytes: 1000 });
  const answered = once(websocket, "message");
  websocket.send(Buffer.from("hello"));
  assert.equal(String((await answered)[0]), "hello");
  assert.equal(central.connections(), 1);
  websocket.terminate();
});

test("A29: compression is not offered, although the other end would take it", async () => {
  const seen: (string | undefined)[] = [];
  await using central = await startHttpCentral(authority, {
    onWebSocket: (_websocket, request) => {
      seen.push(request.headers["sec-websocket-extensions"]);
    },
  });
  const websocket = await open(central);
  assert.deepEqual(seen, [undefined]);
  assert.equal(websocket.extensions, "");
  websocket.terminate();
});

test("a message that comes in one packet with the upgrade is not lost", async () => {
  await using central = await startHttpCentral(authority, {
    onUpgrade: (request, socket) => {
      socket.on("error", () => {});
      const accept = createHash("sha1")
        .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest("base64");
      const upgrade = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Accept: ${accept}`,
        "",
        "",
      ].join("\r\n");
      // RFC 6455 section 5.2: a final text frame of five bytes, unmasked.
      socket.write(
        Buffer.concat([Buffer.from(upgrade), Buffer.from([0x81, 5]), Buffer.from("first")]),
      );
    },
  });
  const websocket = await open(central);
  const [heard] = (await once(websocket, "message")) as [Buffer];
  assert.equal(heard.toString(), "first");
  websocket.terminate();
});

test("F15: a message of the limit passes, one byte more closes the link with 1009", async () => {
  const closed = Promise.withResolvers<number>();
  await using central = await startHttpCentral(authority, {
    onWebSocket: (websocket) => {
      websocket.on("close", (code) => {
        closed.resolve(code);
      });
      websocket.send(Buffer.alloc(1000));
      websocket.send(Buffer.alloc(1001));
    },
  });
  const websocket = await open(central);
  const lengths: number[] = [];
  websocket.on("message", (data: Buffer) => lengths.push(data.length));
  await once(websocket, "close").catch(() => {});
  assert.equal(await closed.promise, 1009);
  assert.deepEqual(lengths, [1000]);
});

test("a refusal keeps the peer's code, sentence and remedy", async () => {
  const theirs = new TautlineError("enrolment.token_expired", {
    detail: { expiresAt: "2026-11-21T00:00:00Z" },
  });
  const body = JSON.stringify(toProblem(theirs));
  const error = await refusalOf(
    answering(
      "HTTP/1.1 401 Unauthorized",
      "Content-Type: application/problem+json",
      `Content-Length: ${body.length}`,
      "",
      body,
    ),
  );
  assert.equal(error.code, "link.refused");
  assert.equal(refusalCode(error), "enrolment.token_expired");
  assert.equal(error.detail["status"], 401);
  assert.match(
    error.message,
    /central\.test:9150 refused with status 401: .*expired at 2026-11-21/,
  );
  assert.equal(error.remedy, theirs.remedy);
});

test("a refusal without an explanation is still a refusal", async () => {
  const table: readonly [status: number, lines: readonly string[]][] = [
    [404, ["HTTP/1.1 404 Not Found", "Content-Length: 4", "", "nope"]],
    [
      403,
      ["HTTP/1.1 403 No", "Content-Type: application/problem+json", "Content-Length: 3", "", "{]}"],
    ],
    [302, ["HTTP/1.1 302 Found", "Location: http://127.0.0.1:1/", "Content-Length: 0", "", ""]],
    [200, ["HTTP/1.1 200 OK", "Content-Length: 0", "", ""]],
    [
      400,
      [
        "HTTP/1.1 400 Bad",
        "Content-Type: application/problem+json",
        "Content-Length: 56",
        "",
        '{"code":"made.up","title":"t","status":400,"detail":"d"}',
      ],
    ],
  ];
  for (const [status, lines] of table) {
    const error = await refusalOf(answering(...lines));
    assert.equal(error.code, "link.refused", `status ${status}`);
    assert.equal(error.detail["status"], status);
    assert.equal(refusalCode(error), undefined);
    assert.ok(error.remedy.length > 10);
  }
});

test("Retry-After is kept in seconds; a date or nonsense is not guessed at", async () => {
  for (const [value, expected] of [
    ["30", 30],
    ["0", 0],
    ["Sun, 22 Nov 2026 12:00:00 GMT", undefined],
    ["-1", undefined],
    ["99999999999", undefined],
  ] as const) {
    const error = await refusalOf(
      answering(
        "HTTP/1.1 503 Service Unavailable",
        `Retry-After: ${value}`,
        "Content-Length: 0",
        "",
        "",
      ),
    );
    assert.equal(error.detail["retryAfterSeconds"], expected, value);
  }
});

test("a refusal that never ends is read to its limit only", async () => {
  const error = await refusalOf({
    onUpgrade: (_request, socket) => {
      socket.on("error", () => {});
      socket.write("HTTP/1.1 400 Bad\r\nContent-Type: application/problem+json\r\n\r\n");
      const endless = Readable.from(
        (function* () {
          for (;;) {
            yield Buffer.alloc(16 * 1024, 0x20);
          }
        })(),
      );
      pipeline(endless, socket, () => {});
    },
  });
  assert.equal(error.code, "link.answer_malformed");
  assert.match(error.message, /more than 65536 bytes/);
});

test("what is no HTTP, a false handshake, and a hang-up each have their name", async () => {
  const table: readonly [handlers: HttpCentralHandlers, code: ErrorCode][] = [
    [answering("SSH-2.0-OpenSSH_9.2", ""), "link.answer_malformed"],
    [
      answering(
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "",
        "",
      ),
      "link.answer_malformed",
    ],
    [
      {
        onUpgrade: (_request, socket) => {
          socket.destroy();
        },
      },
      "link.broken",
    ],
  ];
  for (const [handlers, code] of table) {
    assert.equal((await refusalOf(handlers)).code, code);
  }
});

test("no answer ends in the time limit, giving up ends it at once, and both close the link", async () => {
  const ends: Promise<unknown>[] = [];
  const controller = new AbortController();
  await using central = await startHttpCentral(authority, {
    onUpgrade: (_request, socket) => {
      ends.push(once(socket.resume(), "end"));
      if (ends.length === 2) {
        controller.abort();
      }
    },
  });
  await assert.rejects(open(central, { timeoutMs: 50 }), failsWith("link.timeout"));
  const { signal } = controller;
  await assert.rejects(open(central, { signal }), failsWith("link.cancelled"));
  await assert.rejects(open(central, { signal }), failsWith("link.cancelled"));
  assert.equal(ends.length, 2);
  await Promise.all(ends);
});

test("a link that breaks after the upgrade emits close and does not end the process", async () => {
  await using central = await startHttpCentral(authority, {
    onWebSocket: (websocket) => {
      websocket.terminate();
    },
  });
  const websocket = await open(central);
  await new Promise((resolve) => websocket.once("close", resolve));
});
