/** Callers of the receiver with a shared key: stunnel before a program of plain gRPC, and the client of `basic` in Python. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "node:test";
import { credentials } from "@grpc/grpc-js";
import { launchProcess } from "@tautline/testing";
import { type EchoBackend, type GrpcCaller, grpcCaller, startEcho } from "../grpc-peers.ts";
import type { Items } from "../running-central.ts";
import { until } from "../until.ts";
import {
  KEY_NAME,
  type LevelCentral,
  logged,
  openLevelCentral,
  requirePeer,
  say,
  WRONG_KEY,
} from "./level-central.ts";
import { openStunnel } from "./stunnel.ts";

/** Debian's own interpreter: it is the one that has Debian's cryptography. */
const PYTHON = "/usr/bin/python3";
const CLIENT = fileURLToPath(new URL("basic_client.py", import.meta.url));
const KEYED = ["advanced", "basic"];

type Row = Readonly<Record<string, unknown>>;

const plainCaller = (to: number): GrpcCaller => grpcCaller(to, credentials.createInsecure());

describe("callers with a shared key at the receiver", () => {
  let central: LevelCentral;
  let echo: EchoBackend;
  let port: number;
  before(async () => {
    await requirePeer("stunnel");
    central = await openLevelCentral();
    echo = await startEcho();
    port = await setLevels([...KEYED, "tls", "mtls"]);
    const targets = [`127.0.0.1:${echo.port}`];
    await central.call("POST", "/api/v1/backends", { name: "echo", targets, levels: KEYED });
  });
  after(async () => {
    await echo[Symbol.asyncDispose]();
    await central[Symbol.asyncDispose]();
  });

  async function setLevels(levels: readonly string[]): Promise<number> {
    const path = "/api/v1/listeners/receiver";
    const order = { bind: "public", port: port ?? 0, levels };
    const { addresses } = await central.call<{ addresses: string[] }>("PUT", path, order);
    return Number(addresses[0]?.split(":").pop());
  }

  const stunnelWith = (pskHex: string) =>
    openStunnel({ folder: central.folder, as: "client", to: port, pskHex });

  it("SWP-7: plain gRPC behind stunnel comes at advanced, is told by its key and listed; its key's end ends the stream that runs", async () => {
    const name = "site-4";
    await say(central, "keys", "create", name);
    const pskHex = (await say(central, "keys", "show", name, "--psk-hex")).trim();
    const { folder } = central;
    await using stunnel = await openStunnel({
      folder,
      as: "client",
      to: port,
      pskHex,
      identity: name,
    });
    using caller = plainCaller(stunnel.port);
    const running = await caller.chat();
    const answer = await caller.call("hello");
    assert.deepEqual([answer.status, answer.message?.toString()], ["OK", "hello"], answer.details);
    const told = echo.taken.at(-1)?.metadata;
    assert.equal(told?.["tautline-identity"], `key:${name}`);
    assert.equal(told?.["tautline-namespace"], "default");
    assert.equal(told?.["tautline-level"], "advanced");
    const { items } = await central.call<Items<Row>>("GET", "/api/v1/links?kind=receiver");
    assert.deepEqual(
      items.map(({ level, client, keyId, group }) => [level, client, keyId, group]),
      [["advanced", `key ${name}`, `${name}#1`, "X25519"]],
    );
    await say(central, "keys", "delete", name, "--yes");
    assert.match((await running.ended).details, /keys\.ended/);
  });

  it("another key opens nothing, and central's log says what to give the program", async () => {
    await using stunnel = await stunnelWith(WRONG_KEY);
    using caller = plainCaller(stunnel.port);
    assert.equal((await caller.call("secret")).status, "UNAVAILABLE");
    await until(async () => stunnel.process.stderr.includes("alert decrypt error") || undefined);
    const { remedy } = await logged(central, "link.key_unproven", /'site-3' was not proven/);
    assert.match(remedy, /'tautline keys show NAME --psk-hex'/);
    assert.ok(echo.taken.every(({ message }) => message.toString() !== "secret"));
  });

  const postOver = async (): Promise<Row> => {
    const text = readFileSync(central.keyFile, "utf8").trimEnd();
    const head =
      "POST /v1/traces HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n\r\n";
    const place = { host: "127.0.0.1", port, namespace: "default", name: KEY_NAME };
    const order = { ...place, identity: KEY_NAME, text, request: `${head}body` };
    const input = JSON.stringify(order);
    await using client = launchProcess({ command: PYTHON, args: [CLIENT], input });
    await client.exited;
    return client.stdout === "" ? { failed: client.stderr } : (JSON.parse(client.stdout) as Row);
  };

  it("HTTP by the client of basic in Python reaches the backend, which is told the key", async () => {
    const seen: Row[] = [];
    const backend = createServer((incoming, answer) => {
      seen.push(incoming.headers);
      incoming.resume().once("end", () => answer.end("taken"));
    });
    backend.listen(0, "127.0.0.1");
    await once(backend, "listening");
    const { port: to } = backend.address() as AddressInfo;
    const order = { name: "otlp", protocol: "http", targets: [`127.0.0.1:${to}`], levels: KEYED };
    await central.call("POST", "/api/v1/backends", order);
    const { answer } = await postOver();
    assert.match(String(answer), /^HTTP\/1\.1 200 OK\r\n[^]*taken/);
    assert.deepEqual(
      seen.map((headers) => [headers["tautline-identity"], headers["tautline-level"]]),
      [[`key:${KEY_NAME}`, "basic"]],
    );
    backend.close();
  });

  it("SW-9: where the port does not take their levels, both are refused before a byte of a call, and the log names level and remedy", async () => {
    await setLevels(["tls", "mtls"]);
    const before = echo.taken.length;
    await using stunnel = await stunnelWith(central.pskHex);
    using caller = plainCaller(stunnel.port);
    assert.equal((await caller.call("x")).status, "UNAVAILABLE");
    await until(
      async () => /alert insufficient security/.test(stunnel.process.stderr) || undefined,
    );
    const refused = await postOver();
    assert.equal(refused["answer"], undefined, JSON.stringify(refused));
    for (const level of ["advanced", "basic"]) {
      const { remedy } = await logged(central, "link.level_closed", new RegExp(`level ${level}`));
      assert.match(remedy, /tautline listeners set receiver/);
    }
    assert.equal(echo.taken.length, before);
    await setLevels([...KEYED, "tls", "mtls"]);
    // Another port: whoever was refused at the first one waits before it dials that again.
    await using later = await stunnelWith(central.pskHex);
    using next = plainCaller(later.port);
    const again = await next.call("again");
    assert.equal(again.status, "OK", again.details);
  });
});
