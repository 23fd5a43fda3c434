import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { deriveSharedKey } from "@tautline/pki";
import { LEVELS } from "@tautline/protocol";
import {
  createTestAuthority,
  launchProcess,
  type LaunchedProcess,
  listenOnAnyPort,
  withTempFolder,
} from "@tautline/testing";
import { runLine } from "../test-world.ts";
import type { EndReport } from "./end-report.ts";
import { examineEnd } from "./examine-end.ts";
import { openLevels } from "./fixture-opening.test.ts";
import type { AttemptTimes } from "./key-attempts.ts";

const states = ({ levels }: EndReport): readonly string[] =>
  levels.map(({ level, state }) => `${level} ${state}`);

const textOf = ({ levels }: EndReport, name: string): string => {
  const found = levels.find(({ level }) => level === name);
  return `${found?.text ?? ""} ${found?.remedy ?? ""}`.trim();
};

const examine = (address: string, times?: AttemptTimes) =>
  examineEnd(address, Date.now, times === undefined ? {} : { times });

test("an end that accepts every level is found to, without a key, and nothing but a route without detail was asked", async () => {
  await using port = await openLevels({ accepted: LEVELS, aheadMs: 42_000 });
  const { report, findings } = await examine(port.address);
  assert.deepEqual(
    states(report),
    LEVELS.map((level) => `${level} accepted`),
  );
  assert.deepEqual(report.offers, { version: "0.1.0", levels: LEVELS });
  assert.match(textOf(report, "basic"), /no key was given to prove/);
  assert.match(textOf(report, "advanced"), /no key was given to prove/);
  assert.equal(report.settings.central, null);
  assert.match(report.settings.agent ?? "", /^set central\.level to mtls or tls or advanced/);
  // Tautline-Time tells the clock to the millisecond, as far as the way allows.
  assert.ok(Math.abs((report.clockOffsetMs ?? 0) - 42_000) < 20_000, `${report.clockOffsetMs}`);
  assert.deepEqual(new Set(port.requests), new Set(["GET /healthz"]));
  assert.deepEqual(
    findings.map(({ severity, what }) => `${severity} ${what.slice(0, 9)}`).toSorted(),
    ["warning It serves", "warning Its clock"],
  );
});

test("OVP-7: an end that accepts none says why at each, and what to set at both ends", async () => {
  await using port = await openLevels({ accepted: [] });
  const { report, findings } = await examine(port.address);
  assert.deepEqual(
    states(report),
    LEVELS.map((level) => `${level} refused`),
  );
  assert.equal(textOf(report, "plaintext"), "This port does not accept plaintext. Use mtls.");
  assert.equal(textOf(report, "basic"), "This port does not accept basic. Use mtls.");
  assert.match(textOf(report, "advanced"), /^it refuses this level by an alert of TLS$/);
  assert.equal(textOf(report, "tls"), "This port does not accept tls. Use mtls.");
  assert.equal(report.settings.agent, null);
  assert.match(report.settings.central ?? "", /basic or advanced or tls or mtls.*plaintext port/);
  const closed = port.failures.filter((code) => code === "link.level_closed");
  assert.equal(closed.length, 2, "basic and advanced; the others are refused in HTTP");
  assert.deepEqual(
    findings.filter(({ severity }) => severity === "error").map(({ what }) => what),
    ["No level is accepted there"],
  );
});

test("OV-2: an end of an older version is told to upgrade, and each level is judged on its own", async () => {
  await using port = await openLevels({ accepted: ["basic", "mtls"], version: "4.48.1" });
  const { report, findings } = await examine(port.address);
  assert.deepEqual(states(report), [
    "plaintext refused",
    "basic accepted",
    "advanced refused",
    "tls refused",
    "mtls accepted",
  ]);
  const upgrade = findings.find(({ what }) => what.includes("too old"));
  assert.equal(upgrade?.remedy, "Upgrade it to >= 4.50.");
});

test("a key that is given is really proven, and a wrong one is an error", () =>
  withTempFolder(async (cwd) => {
    const text = "correct horse battery staple and some more of it";
    writeFileSync(join(cwd, "key"), `${text}\r\n`, { mode: 0o600 });
    writeFileSync(join(cwd, "wrong"), "another", { mode: 0o600 });
    const sharedKey = await deriveSharedKey(text, { namespace: "default", name: "legacy" });
    await using port = await openLevels({ accepted: ["basic", "advanced"], sharedKey });
    const line = `doctor --to ${port.address} --key-name legacy --key-file`;
    const right = await runLine(`${line} key`, cwd, { now: Date.now });
    assert.match(right.stdout, /^basic +accepted +the key 'legacy' was proven$/m);
    assert.match(right.stdout, /^advanced +accepted +the key 'legacy' was proven$/m);
    assert.match(right.stdout, /^says it is +Tautline 0\.1\.0, accepting basic, advanced$/m);
    assert.equal(right.code, 0, right.stdout);
    const wrong = await runLine(`${line} wrong`, cwd, { now: Date.now });
    assert.match(
      wrong.stdout,
      /^basic +refused +the level is there, but the key 'legacy' was not/m,
    );
    assert.match(wrong.stdout, /error: At advanced, the level is there, but the key 'legacy' was/);
    assert.equal(wrong.code, 1);
    for (const output of [right.stdout, wrong.stdout]) assert.ok(!output.includes("horse"));
    const elsewhere = await runLine(`${line} key --key-namespace lab`, cwd, { now: Date.now });
    assert.equal(elsewhere.code, 1);
  }));

test("half a key, a key without another end, and what is no key's name are usage mistakes", () =>
  withTempFolder(async (cwd) => {
    for (const line of [
      "doctor --to 127.0.0.1:1 --key-name legacy",
      "doctor --to 127.0.0.1:1 --key-file key",
      "doctor --key-name legacy --key-file key",
      "doctor --to 127.0.0.1:1 --key-name Legacy! --key-file key",
    ]) {
      assert.equal((await runLine(line, cwd)).code, 2, line);
    }
  }));

test("a web server in plaintext is no Tautline, and nothing is guessed of it", async () => {
  const web = await listenOnAnyPort(
    createHttpServer((_request, response) => response.end("hello")),
  );
  try {
    const { report, findings } = await examine(`127.0.0.1:${web.port}`);
    assert.deepEqual(states(report), [
      "plaintext not known",
      "basic refused",
      "advanced refused",
      "tls refused",
      "mtls refused",
    ]);
    assert.match(textOf(report, "plaintext"), /200 OK, but it does not say that it is a Tautline/);
    assert.equal(report.offers, null);
    assert.equal(report.settings.central, null);
    assert.ok(findings.some(({ what }) => what === "It serves requests in plaintext"));
  } finally {
    await web.close();
  }
});

test("a web server of TLS that refuses plain HTTP, or sends it elsewhere, is quoted", async () => {
  for (const [answer, expected] of [
    ["HTTP/1.1 400 The plain HTTP request was sent to HTTPS port\r\n\r\n", /^HTTP\/1\.1 400 The/],
    ["HTTP/1.1 301 Moved\r\nLocation: https://x/\r\n\r\n", /sends callers to TLS$/],
    ["HTTP/1.1 426 \u001B[2JNo\r\n\r\n", /^HTTP\/1\.1 426 \P{Cc}*No$/u],
  ] as const) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(answer, "latin1"));
    });
    const listening = await listenOnAnyPort(server);
    const { report } = await examine(`127.0.0.1:${listening.port}`);
    assert.match(textOf(report, "plaintext"), expected);
    assert.equal(report.levels[0]?.state, "refused");
    await listening.close();
  }
});

test("a port that says nothing is not known at every level, and is not waited for longer than its time", async () => {
  const silent = await listenOnAnyPort(createServer((socket) => socket.on("error", () => {})));
  try {
    const times = { timeoutMs: 50, patienceMs: 10 };
    const { report, findings } = await examine(`127.0.0.1:${silent.port}`, times);
    const [plaintext, basic, advanced, tls] = report.levels;
    for (const level of [plaintext, basic, advanced]) assert.equal(level?.state, "not known");
    assert.equal(tls?.state, "refused");
    assert.match(tls.text, /did not answer|no answer|within/i);
    assert.equal(findings[0]?.severity, "error");
  } finally {
    await silent.close();
  }
});

/** Starts openssl's own server on a free port of the loopback interface. */
async function startOpenssl(
  args: readonly string[],
  folder: string,
): Promise<{ readonly process: LaunchedProcess; readonly address: string }> {
  const accept = ["-accept", "127.0.0.1:0", "-tls1_3"];
  // Its input stays open for as long as somebody could type: without -quiet it would end with the input.
  const server = launchProcess({
    command: "openssl",
    args: ["s_server", ...accept, ...args],
    folder,
  });
  for await (const line of server.stdoutLines) {
    const [, port] = /^ACCEPT .*:([0-9]+)$/.exec(line) ?? [];
    if (port !== undefined) return { process: server, address: `127.0.0.1:${port}` };
  }
  throw new Error(`openssl did not listen: ${server.stderr}`);
}

test("openssl s_server: with a certificate it has tls alone, with a key advanced alone", () =>
  withTempFolder(async (folder) => {
    const { central } = createTestAuthority({ trustDomain: "fleet.test" });
    writeFileSync(join(folder, "key.pem"), central.keyPem);
    writeFileSync(join(folder, "chain.pem"), central.chainPem);
    const identity = ["-cert", "chain.pem", "-cert_chain", "chain.pem", "-key", "key.pem", "-www"];
    const withCertificate = await startOpenssl(identity, folder);
    await using _certificate = withCertificate.process;
    const tls = (await examine(withCertificate.address)).report;
    assert.deepEqual(states(tls).slice(1), [
      "basic refused",
      "advanced refused",
      "tls accepted",
      "mtls refused",
    ]);
    assert.match(textOf(tls, "advanced"), /shows a certificate where a key was to be proven/);
    assert.equal(tls.offers, null);
    const suite = ["-ciphersuites", "TLS_AES_128_GCM_SHA256", "-www"];
    const psk = ["-nocert", "-psk", "01".repeat(32), "-psk_identity", "legacy", ...suite];
    const withKey = await startOpenssl(psk, folder);
    await using _key = withKey.process;
    const unkeyed = (await examine(withKey.address)).report;
    assert.match(textOf(unkeyed, "advanced"), /took no key; it may know others/);
    const key = { identity: { name: "legacy" }, sharedKey: Buffer.alloc(32, 1) };
    const keyed = (await examineEnd(withKey.address, Date.now, { key })).report;
    assert.deepEqual(states(keyed).slice(1), [
      "basic refused",
      "advanced accepted",
      "tls refused",
      "mtls refused",
    ]);
  }));
