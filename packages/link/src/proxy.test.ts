import assert from "node:assert/strict";
import { createServer } from "node:tls";
import { test } from "node:test";
import * as fc from "fast-check";
import { isTautlineError, type ErrorCode } from "@tautline/protocol";
import { listenOnAnyPort } from "@tautline/testing";
import { spkiPin } from "@tautline/pki";
import { createFleetAuthority, testNow } from "../test/fleet-authority.ts";
import { startAcceptor } from "../test/running-acceptor.ts";
import { passOn, startProxy, type TakeConnect } from "../test/running-proxy.ts";
import { dialMutual, dialPinned, type DialOptions } from "./dial-tls.ts";
import { basicAuthorization, LARGEST_PROXY_ANSWER_BYTES, parseProxy, type Proxy } from "./proxy.ts";

const authority = createFleetAuthority();
const PIN = spkiPin(authority.root);

function through(proxy: Proxy, port: number): DialOptions & { pins: Uint8Array[] } {
  const { trustDomain } = authority;
  const limits = { trustDomain, timeoutMs: 10_000, now: testNow };
  return { host: "127.0.0.1", port, proxy, pins: [PIN], ...limits };
}

function failsWith(code: ErrorCode, text = /./) {
  return (error: unknown): boolean => {
    assert.ok(isTautlineError(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  };
}

test("a proxy is read from a URL, with or without scheme, port and login", () => {
  const table: [text: string, proxy: Proxy][] = [
    ["http://proxy.example:3128", { host: "proxy.example", port: 3128 }],
    ["http://proxy.example:3128/", { host: "proxy.example", port: 3128 }],
    ["proxy.example:3128", { host: "proxy.example", port: 3128 }],
    ["http://proxy.example", { host: "proxy.example", port: 80 }],
    ["http://[2001:db8::1]:8080", { host: "2001:db8::1", port: 8080 }],
    [
      "http://user:p%40ss@proxy.example:1",
      { host: "proxy.example", port: 1, authorization: basicAuthorization("user", "p@ss") },
    ],
  ];
  for (const [text, proxy] of table) assert.deepEqual(parseProxy(text, "x"), proxy, text);
});

test("what is no proxy of ours is refused by the setting's name, and never repeated: it may hold a password", () => {
  for (const text of [
    "",
    "https://user:secret@proxy.example:3128",
    "socks5://secret:1",
    "http://proxy.example:3128/secret",
    "http://proxy.example:3128?secret",
    "http://secret:99999",
    "http://secret%zz:a@proxy.example",
  ]) {
    assert.throws(
      () => parseProxy(text, "HTTPS_PROXY"),
      (error) => {
        assert.ok(isTautlineError(error), text);
        assert.equal(error.code, "link.proxy_setting");
        assert.match(error.message, /HTTPS_PROXY/);
        assert.ok(!error.message.includes("secret"));
        return true;
      },
    );
  }
});

test("no text does anything but give a proxy or the one refusal", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl()), (text) => {
      try {
        assert.ok(parseProxy(text, "x").port > 0);
      } catch (error) {
        assert.ok(isTautlineError(error) && error.code === "link.proxy_setting");
      }
    }),
  );
});

test("central is dialled through a proxy at both levels, proven as ever, and the evidence is the same", async () => {
  await using central = await startAcceptor(authority);
  await using running = await startProxy();
  const target = through(running.proxy, central.port);
  const pinned = await dialPinned(target);
  assert.equal(pinned.evidence.level, "tls");
  assert.equal(pinned.evidence.serverProven, true);
  const identity = authority.agent("agent-client");
  const mutual = await dialMutual({ ...target, roots: [authority.root], identity });
  assert.equal(mutual.evidence.level, "mtls");
  assert.equal(mutual.evidence.pq, true);
  assert.deepEqual(running.asked, [`127.0.0.1:${central.port}`, `127.0.0.1:${central.port}`]);
  pinned.socket.destroy();
  mutual.socket.destroy();
});

test("A24: a proxy that ends TLS itself, with a certificate of its own, hears not one byte inside", async () => {
  const stranger = createFleetAuthority();
  const { keyPem: key, chainPem: cert } = stranger.central();
  const heard: Buffer[] = [];
  const impostor = createServer({ key, cert, ALPNProtocols: ["http/1.1"] }, (socket) => {
    socket.on("data", (bytes: Buffer) => heard.push(bytes));
    socket.on("error", () => {});
  });
  const { port, close } = await listenOnAnyPort(impostor);
  await using running = await startProxy((request, socket) =>
    passOn(Object.assign(request, { url: `127.0.0.1:${port}` }), socket),
  );
  const target = through(running.proxy, 9150);
  await assert.rejects(dialPinned(target), failsWith("link.pin_mismatch"));
  const identity = authority.agent("agent-client");
  await assert.rejects(
    dialMutual({ ...target, roots: [authority.root], identity }),
    failsWith("link.central_unproven"),
  );
  await close();
  assert.deepEqual(heard, []);
});

function say(text: string): TakeConnect {
  return (_request, socket) => void socket.end(text);
}

test("what a proxy may answer instead is named, with what to do", async (t) => {
  const table: [name: string, take: TakeConnect, code: ErrorCode, text: RegExp][] = [
    [
      "it wants a login",
      say('HTTP/1.1 407 Login\r\nProxy-Authenticate: Basic realm="office"\r\n\r\n'),
      "link.proxy_login",
      /Basic realm="office"/,
    ],
    [
      "it forbids",
      say("HTTP/1.1 403 Filtered\r\nContent-Length: 3\r\n\r\nno!"),
      "link.proxy_refused",
      /403 Filtered/,
    ],
    ["it cannot reach", say("HTTP/1.1 502 Bad\r\n\r\n"), "link.proxy_refused", /502/],
    [
      "its reason would move a terminal's cursor",
      say("HTTP/1.1 403 a\u001b[2Jb\r\n\r\n"),
      "link.proxy_refused",
      /403 a.\[2Jb\./,
    ],
    ["it hangs up", (_request, socket) => socket.destroy(), "link.proxy_unreachable", /hung up/],
    ["it is no HTTP", say("SSH-2.0-x\r\n\r\n"), "link.proxy_malformed", /not HTTP/],
    [
      "it speaks before TLS was begun",
      say("HTTP/1.1 200 OK\r\n\r\nhello"),
      "link.proxy_malformed",
      /before it was spoken to/,
    ],
    [
      "its headers do not end",
      say(`HTTP/1.1 200 OK\r\nX: ${"a".repeat(LARGEST_PROXY_ANSWER_BYTES + 1)}\r\n\r\n`),
      "link.proxy_malformed",
      /more than 8192 bytes/,
    ],
  ];
  for (const [name, take, code, text] of table) {
    await t.test(name, async () => {
      await using running = await startProxy(take);
      await assert.rejects(dialPinned(through(running.proxy, 9150)), failsWith(code, text));
    });
  }
});

test("a login goes to the proxy alone and stands in no error", async () => {
  const seen: (string | undefined)[] = [];
  await using running = await startProxy((request, socket) => {
    seen.push(request.headers["proxy-authorization"]);
    socket.end("HTTP/1.1 407 No\r\n\r\n");
  });
  const authorization = basicAuthorization("user", "secret");
  await assert.rejects(
    dialPinned(through({ ...running.proxy, authorization }, 9150)),
    (error: unknown) => {
      assert.ok(isTautlineError(error));
      const { message, remedy, detail } = error;
      assert.ok(!JSON.stringify([message, remedy, detail]).includes(authorization.slice(6)));
      return true;
    },
  );
  assert.deepEqual(seen, [authorization]);
});

test("a proxy that nobody is at, one that says nothing, and a dial called off, each have their error", async () => {
  await using silent = await startProxy(() => {});
  const stop = new AbortController();
  const target = through(silent.proxy, 9150);
  await assert.rejects(
    dialPinned({ ...target, timeoutMs: 50 }),
    failsWith("link.timeout", /127\.0\.0\.1:9150/),
  );
  const dialling = dialPinned({ ...target, signal: stop.signal });
  stop.abort();
  await assert.rejects(dialling, failsWith("link.cancelled"));
  const { proxy } = silent;
  await silent[Symbol.asyncDispose]();
  await assert.rejects(dialPinned(through(proxy, 9150)), failsWith("link.proxy_unreachable"));
});
