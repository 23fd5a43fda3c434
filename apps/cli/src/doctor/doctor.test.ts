import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { createTestAuthority, listenOnAnyPort, withTempFolder } from "@tautline/testing";
import { runLine } from "../test-world.ts";
import { examineEnd } from "./examine-end.ts";
import type { Finding } from "./finding.ts";

const authority = createTestAuthority({ trustDomain: "fleet.test" });

/** Answers one HTTP request a connection, naming a time. */
function answering(options: TlsOptions, date: string | undefined): Server {
  const server = createTlsServer({
    key: authority.central.keyPem,
    cert: authority.central.chainPem,
    minVersion: "TLSv1.3",
    ecdhCurve: "X25519MLKEM768:X25519",
    ...options,
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.on("secureConnection", (socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => {
      const line = date === undefined ? "" : `Date: ${date}\r\n`;
      socket.end(`HTTP/1.1 401 Unauthorized\r\n${line}Content-Length: 0\r\n\r\n`);
    });
  });
  return server;
}

async function examine(
  server: Server,
  now = Date.now,
): Promise<Awaited<ReturnType<typeof examineEnd>>> {
  const listening = await listenOnAnyPort(server);
  try {
    return await examineEnd(`127.0.0.1:${listening.port}`, now);
  } finally {
    await listening.close();
  }
}

const whats = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ severity, what }) => `${severity} ${what}`);

test("another end's version, groups, certificate, wishes and clock are read from real handshakes", async () => {
  const date = new Date().toUTCString();
  const asking = answering({ requestCert: true, rejectUnauthorized: false }, date);
  const { report, findings } = await examine(asking);
  assert.partialDeepStrictEqual(report, {
    tls13: { accepted: true, group: "X25519MLKEM768" },
    tls12: { accepted: false, refusal: "this version is not spoken there" },
    groups: ["X25519MLKEM768", "X25519"],
    asksForCertificate: true,
    httpAnswer: "HTTP/1.1 401 Unauthorized",
  });
  assert.match(report.chain[0]?.names ?? "", /URI:spiffe:\/\/fleet\.test\/central/);
  assert.equal(report.chain.at(-1)?.pin, authority.rootPin.toString("hex"));
  assert.deepEqual(findings, []);
});

test("an end that asks for no certificate is told apart from one that does, and from one that demands it", async () => {
  const date = new Date().toUTCString();
  assert.equal((await examine(answering({}, date))).report.asksForCertificate, false);
  const demanding = answering({ requestCert: true, rejectUnauthorized: true }, date);
  assert.equal((await examine(demanding)).report.asksForCertificate, true);
});

test("a clock that is off is a warning from 30 s, an error from 5 min, and said if it cannot be read", async () => {
  const now = Date.parse("2026-11-22T10:00:00.700Z");
  const rows: readonly (readonly [string | undefined, RegExp])[] = [
    ["Sun, 22 Nov 2026 10:00:29 GMT", /^$/],
    ["Sun, 22 Nov 2026 10:00:30 GMT", /^warning Its clock is 30 s ahead of this one$/],
    ["Sun, 22 Nov 2026 09:54:00 GMT", /^error Its clock is 360 s behind this one$/],
    [undefined, /^info The other end's clock could not be read$/],
  ];
  for (const [date, expected] of rows) {
    const { findings } = await examine(answering({}, date), () => now);
    const aboutClock = whats(findings).filter((what) => what.includes("clock"));
    assert.match(aboutClock.join("\n"), expected);
  }
});

test("an end without the hybrid group, and one that still speaks TLS 1.2, are warnings", async () => {
  const old = answering({ minVersion: "TLSv1.2", ecdhCurve: "P-256" }, new Date().toUTCString());
  const { report, findings } = await examine(old);
  assert.deepEqual(report.groups, ["P-256"]);
  assert.deepEqual(whats(findings), [
    "warning The hybrid key exchange X25519MLKEM768 is not accepted",
    "warning TLS 1.2 is accepted there too",
  ]);
});

test("an end that serves plaintext is told from one that speaks TLS", async () => {
  const plain = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  });
  const { report, findings } = await examine(plain);
  assert.deepEqual(report.plaintext, { answer: "http", line: "HTTP/1.1 200 OK" });
  assert.equal(report.tls13.accepted, false);
  const [first, second] = whats(findings);
  assert.match(
    first ?? "",
    /^error TLS 1\.3 is refused: 127\.0\.0\.1:\d+ does not speak TLS here\./,
  );
  assert.equal(second, "warning It serves requests in plaintext");
});

test("an end that closes at once is reported, not waited for", async () => {
  const { report } = await examine(createServer((socket) => socket.destroy()));
  assert.equal(report.plaintext.answer, "closed");
  assert.equal(report.tls13.accepted, false);
});

test("doctor --to: nothing listens there ends with 3, a wrong address with 2", () =>
  withTempFolder(async (cwd) => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    server.close();
    await once(server, "close");
    const nobody = await runLine(`doctor --to 127.0.0.1:${port}`, cwd);
    assert.equal(nobody.code, 3);
    assert.match(nobody.stderr, /link\.unreachable: .*nothing listens there/);
    assert.equal((await runLine("doctor --to 127.0.0.1:x", cwd)).code, 2);
  }));

test("doctor --to prints a page and then its findings, or one document", () =>
  withTempFolder(async (cwd) => {
    const listening = await listenOnAnyPort(answering({}, new Date().toUTCString()));
    try {
      const line = `doctor --to 127.0.0.1:${listening.port}`;
      const now = { now: Date.now };
      const people = await runLine(line, cwd, now);
      assert.match(people.stdout, /^address +127\.0\.0\.1:\d+\nsays it is +nothing/);
      assert.match(people.stdout, /^tls +accepted +TLS_AES_\S+, X25519MLKEM768$/m);
      assert.match(people.stdout, /^TLS 1\.3 +accepted, TLS_AES/m);
      assert.match(people.stdout, /^clock +agrees with this one$/m);
      assert.match(people.stdout, /\nNothing is wrong\. Looked at: 127\.0\.0\.1:\d+\.\n$/);
      const document: unknown = JSON.parse((await runLine(`${line} --json`, cwd, now)).stdout);
      assert.partialDeepStrictEqual(document, {
        findings: [],
        groups: ["X25519MLKEM768", "X25519"],
      });
    } finally {
      await listening.close();
    }
  }));

test("doctor on a host with nothing says so; on a folder that was named it is an error", () =>
  withTempFolder(async (cwd) => {
    const usual = await runLine("doctor", cwd);
    assert.equal(usual.code, 0);
    assert.match(usual.stdout, /info: There is neither a central nor an agent here/);
    const named = await runLine("doctor --data nowhere --json", cwd);
    assert.equal(named.code, 1);
    assert.partialDeepStrictEqual(JSON.parse(named.stdout), { findings: [{ severity: "error" }] });
  }));
