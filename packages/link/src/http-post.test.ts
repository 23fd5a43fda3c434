import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { TautlineError, isTautlineError, toProblem, type ErrorCode } from "@tautline/protocol";
import { postMessage, type PostOptions } from "./http-post.ts";
import { refusalCode, refusalFromAnswer } from "./refusal.ts";
import { createFleetAuthority } from "../test/fleet-authority.ts";
import { startHttpCentral, type HttpCentral } from "../test/http-central.ts";

const authority = createFleetAuthority();

async function postOptions(central: HttpCentral): Promise<PostOptions> {
  const { socket } = await central.dial();
  return {
    socket,
    path: "/v1/opamp",
    host: "central.test:9150",
    headers: { "Content-Type": "application/x-protobuf" },
    body: Buffer.from([1, 2, 3]),
    maxBytes: 1000,
  };
}

function failsWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isTautlineError(error), String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

test("posts follow each other over the one dialled link, and no second connection is made", async () => {
  const seen: { url: string | undefined; headers: IncomingMessage["headers"]; body: Buffer }[] = [];
  await using central = await startHttpCentral(authority, {
    onRequest: (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        seen.push({ url: request.url, headers: request.headers, body: Buffer.concat(chunks) });
        response.setHeader("Content-Type", "application/x-protobuf");
        response.end(Buffer.from([9, seen.length]));
      });
    },
  });
  const options = await postOptions(central);
  for (const number of [1, 2, 3]) {
    const { status, headers, body } = await postMessage(options);
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "application/x-protobuf");
    assert.deepEqual(body, Buffer.from([9, number]));
  }
  assert.equal(seen.length, 3);
  assert.equal(seen[0]?.url, "/v1/opamp");
  assert.equal(seen[0]?.headers.host, "central.test:9150");
  assert.equal(seen[0]?.headers["content-length"], "3");
  assert.deepEqual(seen[0]?.body, Buffer.from([1, 2, 3]));
  assert.equal(central.connections(), 1);
  options.socket.destroy();
});

test("a post over a link that was closed fails; it does not dial another one by itself", async () => {
  await using central = await startHttpCentral(authority, {
    onRequest: (_request, response) => {
      response.end("ok");
    },
  });
  const options = await postOptions(central);
  await postMessage(options);
  options.socket.destroy();
  await assert.rejects(postMessage({ ...options, timeoutMs: 5000 }), failsWith("link.broken"));
  assert.equal(central.connections(), 1);
});

test("a refusing status is returned, and refusalFromAnswer reads the peer's reason", async () => {
  const theirs = new TautlineError("central.stopping");
  await using central = await startHttpCentral(authority, {
    onRequest: (_request, response) => {
      response.writeHead(503, { "Content-Type": "application/problem+json", "Retry-After": "30" });
      response.end(JSON.stringify(toProblem(theirs)));
    },
  });
  const options = await postOptions(central);
  const answer = await postMessage(options);
  assert.equal(answer.status, 503);
  const error = refusalFromAnswer(answer, options.host);
  assert.equal(error.code, "link.refused");
  assert.equal(refusalCode(error), "central.stopping");
  assert.equal(error.detail["retryAfterSeconds"], 30);
  assert.equal(error.remedy, theirs.remedy);
  options.socket.destroy();
});

test("only a link.refused error has a peer's code", () => {
  const detail = { code: "central.stopping" };
  assert.equal(refusalCode(new TautlineError("link.broken", { detail })), undefined);
  assert.equal(
    refusalCode(new TautlineError("link.refused", { detail: { code: "toString" } })),
    undefined,
  );
  assert.equal(refusalCode(new TautlineError("link.refused", { detail })), "central.stopping");
});

test("an answer of the limit passes, one byte more is refused and the link closed", async () => {
  let length = 1000;
  await using central = await startHttpCentral(authority, {
    onRequest: (_request, response) => {
      response.end(Buffer.alloc(length));
    },
  });
  const options = await postOptions(central);
  assert.equal((await postMessage(options)).body.length, 1000);
  length = 1001;
  await assert.rejects(postMessage(options), failsWith("link.answer_malformed"));
  assert.equal(options.socket.destroyed, true);
});

test("no answer, half an answer and giving up each have their name", async () => {
  const controller = new AbortController();
  let behaviour: "silent" | "half" | "hang up" | "abort" | "no http" = "silent";
  await using central = await startHttpCentral(authority, {
    onRequest: (request, response) => {
      const { socket } = request;
      if (behaviour === "half") {
        response.writeHead(200, { "Content-Length": "10" });
        response.write("12345", () => socket.destroy());
      } else if (behaviour === "hang up") {
        socket.destroy();
      } else if (behaviour === "no http") {
        socket.end("SSH-2.0\r\n\r\n");
      } else if (behaviour === "abort") {
        controller.abort();
      }
    },
  });
  const { signal } = controller;
  await assert.rejects(
    postMessage({ ...(await postOptions(central)), timeoutMs: 50 }),
    failsWith("link.timeout"),
  );
  for (const [next, code] of [
    ["half", "link.broken"],
    ["hang up", "link.broken"],
    ["no http", "link.answer_malformed"],
    ["abort", "link.cancelled"],
    ["silent", "link.cancelled"],
  ] as const) {
    behaviour = next;
    const options = await postOptions(central);
    await assert.rejects(postMessage({ ...options, signal }), failsWith(code), next);
    options.socket.destroy();
  }
});
