import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { createTestAuthority, listenOnAnyPort } from "@tautline/testing";
import { examineClock, judgeClock, readClockOffset } from "./examine-clock.ts";

const NOW = Date.parse("2026-11-22T10:00:00.700Z");

test("the offset is read from HTTP's Date, which has whole seconds", () => {
  const rows: readonly (readonly [string, number | null])[] = [
    ["HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n\r\n", 0],
    ["HTTP/1.1 200 OK\r\ndate: Sun, 22 Nov 2026 09:59:58 GMT\r\n\r\n", -2000],
    ["HTTP/1.1 200 OK\r\nDate: yesterday\r\n\r\n", null],
    ["HTTP/1.1 200 OK\r\nX-Date: Sun, 22 Nov 2026 10:00:00 GMT\r\n\r\n", null],
    ["", null],
  ];
  for (const [answer, offset] of rows) assert.equal(readClockOffset(answer, NOW), offset, answer);
});

test("30 s are a warning, the tolerance of five minutes an error, in both directions", () => {
  const rows: readonly (readonly [number | null, string | undefined])[] = [
    [0, undefined],
    [29_999, undefined],
    [30_000, "warning"],
    [-30_000, "warning"],
    [299_999, "warning"],
    [300_000, "error"],
    [-300_000, "error"],
    [null, "info"],
  ];
  for (const [offset, severity] of rows) {
    assert.equal(judgeClock(offset, "x")[0]?.severity, severity, String(offset));
  }
});

test("the first central that answers is compared with; the ones before it only cost a dial", async () => {
  const { central } = createTestAuthority();
  const server = createTlsServer({ key: central.keyPem, cert: central.chainPem }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.end("HTTP/1.1 401 Unauthorized\r\nDate: Sun, 22 Nov 2026 09:00:00 GMT\r\n\r\n");
  });
  const listening = await listenOnAnyPort(server);
  const gone = await listenOnAnyPort(createServer());
  await gone.close();
  try {
    const addresses = [`127.0.0.1:${gone.port}`, `127.0.0.1:${listening.port}`];
    const [finding] = await examineClock(addresses, () => NOW);
    assert.equal(finding?.what, "Its clock is 3600 s behind this one");
    assert.equal(finding?.where, addresses[1]);
    const [unread] = await examineClock(addresses.slice(0, 1), () => NOW);
    assert.equal(unread?.severity, "info");
  } finally {
    await listening.close();
  }
});
