import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { Client, compressionAlgorithms, credentials, Metadata, status } from "@grpc/grpc-js";
import { launchTautline } from "@tautline/testing";
import { joinByHand } from "../interop/hand-made-agent.ts";
import { openReceiverPort } from "../interop/telemetry/receiver-way.ts";
import { startTelemetryBackend } from "../interop/telemetry/telemetry-backend.ts";
import { type Items, type RunningCentral, withCentral } from "../running-central.ts";
import { until } from "../until.ts";

type Row = Readonly<Record<string, unknown>>;

const bytes = (value: Buffer): Buffer => value;
const KEEP_ALIVE = "/skywalking.v3.ManagementService/keepAlive";
const SEGMENTS = "/skywalking.v3.TraceSegmentReportService/collect";

/** A field of bytes or text, shorter than 128 bytes. */
const field = (number: number, value: string | Buffer): Buffer => {
  const text = Buffer.from(value);
  return Buffer.concat([Buffer.from([number * 8 + 2, text.length]), text]);
};
const ping = (service: string, instance: string): Buffer =>
  Buffer.concat([field(1, service), field(2, instance)]);
const segment = (service: string, trace: string): Buffer =>
  Buffer.concat([field(1, trace), field(4, service), field(5, "i-1")]);

interface Ended {
  readonly code: string;
  readonly details: string;
}

/** A program with a token, by grpc-js. */
interface Program extends Disposable {
  /** One unary call. */
  call(path: string, message: Buffer): Promise<Ended>;
  /** One stream of these messages. */
  stream(path: string, messages: readonly Buffer[]): Promise<Ended>;
}

const ended = (end: { readonly code: status; readonly details: string }): Ended => ({
  code: status[end.code] ?? "",
  details: end.details,
});

function programAt(port: number, root: Buffer, token: string, isPacked = false): Program {
  const packing = { "grpc.default_compression_algorithm": compressionAlgorithms.gzip };
  const options = { "grpc.enable_retries": 0, ...(isPacked && packing) };
  const client = new Client(`localhost:${port}`, credentials.createSsl(root), options);
  const metadata = new Metadata();
  metadata.set("authentication", token);
  metadata.set("agent-version", "1.2.3");
  return {
    call: (path, message) =>
      new Promise((resolve) => {
        client
          .makeUnaryRequest(path, bytes, bytes, message, metadata, () => {})
          .on("status", (end) => resolve(ended(end)));
      }),
    stream: (path, messages) =>
      new Promise((resolve) => {
        const call = client.makeClientStreamRequest(path, bytes, bytes, metadata, () => {});
        call.on("status", (end) => resolve(ended(end)));
        for (const message of messages) call.write(message);
        call.end();
      }),
    [Symbol.dispose]: () => client.close(),
  };
}

interface Scene {
  readonly port: number;
  readonly root: Buffer;
  readonly shop: string;
}

/** A central with a client `shop` that may claim to be `shop` and what begins with `shop-`. */
async function openScene(central: RunningCentral): Promise<Scene> {
  const { rootsFile } = await joinByHand(await central.token(), central.folder);
  const port = await openReceiverPort(central);
  const order = { name: "shop", services: ["shop", "shop-*"], instances: ["i-*"] };
  const { token } = await central.call<{ token: string }>("POST", "/api/v1/clients", order);
  return { port, root: readFileSync(rootsFile), shop: token };
}

const addBackend = (central: RunningCentral, port: number, more: object): Promise<unknown> =>
  central.call("POST", "/api/v1/backends", { targets: [`127.0.0.1:${port}`], ...more });

/** What a command prints about this central. */
async function printed(central: RunningCentral, ...args: readonly string[]): Promise<string> {
  await using command = launchTautline([...args, "--data", central.dataDir]);
  await command.exited;
  return command.stdout;
}

const segments = (service: string): string => JSON.stringify([{ service, traceId: "t" }]);

const resource = (name: string): Buffer => {
  const pair = Buffer.concat([field(1, "service.name"), field(2, field(1, name))]);
  return field(1, field(1, field(1, pair)));
};

describe("claims of telemetry, held against who sends it", { concurrency: 2 }, () => {
  it("over gRPC a message of somebody else's service is refused before its backend has a byte of it, packed and in streams too", () =>
    withCentral(async (central) => {
      await using backend = await startTelemetryBackend();
      const { port, root, shop } = await openScene(central);
      await addBackend(central, backend.port, { name: "oap", claims: "refuse" });
      using program = programAt(port, root, shop);
      assert.equal((await program.call(KEEP_ALIVE, ping("shop-a", "i-1"))).code, "OK");

      const spoofed = await program.call(KEEP_ALIVE, ping("victim", "i-1"));
      assert.equal(spoofed.code, "PERMISSION_DENIED");
      assert.match(
        spoofed.details,
        /service 'victim', and backend 'oap'.*client:shop may not.*\(receiver\.claim_refused\)$/,
      );
      const instance = await program.call(KEEP_ALIVE, ping("shop", "other"));
      assert.match(instance.details, /instance 'other'/);
      using packed = programAt(port, root, shop, true);
      const long = "victim-".repeat(15);
      assert.match((await packed.call(KEEP_ALIVE, ping(long, "i-1"))).details, /claim_refused/);
      assert.equal((await packed.call(KEEP_ALIVE, ping("shop-b", "i-1"))).code, "OK");
      const unknown = await program.call(
        "/skywalking.v3.ServiceMeshMetricService/collect",
        ping("shop", "i"),
      );
      assert.match(unknown.details, /receiver\.claim_unreadable/);

      const good = await program.stream(
        SEGMENTS,
        ["t1", "t2"].map((id) => segment("shop", id)),
      );
      assert.equal(good.code, "OK");
      // The second message is looked at as the first is, and what came before it has passed.
      const mixed = [segment("shop", "t3"), segment("victim", "t4"), segment("shop", "t5")];
      const ended = await program.stream(SEGMENTS, mixed);
      assert.equal(ended.code, "PERMISSION_DENIED");

      await central.call("POST", "/api/v1/claimants", { claimant: "client:shop", services: ["*"] });
      assert.equal((await program.call(KEEP_ALIVE, ping("victim", "x"))).code, "OK", "allowed now");
      const services = backend.arrived.map(({ message }) => message["service"]);
      assert.deepEqual(services.filter((each) => each === "victim").length, 1);
      const traces = backend.arrived.map(({ message }) => message["traceId"]).filter(Boolean);
      assert.ok(!traces.includes("t4") && !traces.includes("t5"), traces.join());

      const { items } = await central.call<Items<Row>>("GET", "/api/v1/audit");
      const refused = items.find(({ action }) => action === "client.refused");
      assert.match(JSON.stringify(refused), /client:shop.*receiver\.claim_refused/);
      assert.match(await printed(central, "doctor"), /client:shop claims to be service 'victim'/);
      assert.match(
        await printed(central, "status"),
        /backends +1 ready\ntelemetry links +2 at tls/,
      );
      const links = await printed(central, "links", "list", "--kind", "receiver");
      assert.match(links, /shop +shop-a, i-1, .*tls.*1\.2\.3 +oap/);
    }));

  it("over HTTP nothing of a refused body reaches its backend, whether it is protobuf or JSON", () =>
    withCentral(async (central) => {
      const bodies: string[] = [];
      let calls = 0;
      const backend = createServer((incoming, answer) => {
        let text = "";
        calls += 1;
        incoming.on("data", (part: Buffer) => (text += part.toString("latin1")));
        incoming.on("close", () => bodies.push(text));
        incoming.on("end", () => answer.end("{}"));
      });
      backend.listen(0, "127.0.0.1");
      await once(backend, "listening");
      const { port, root, shop } = await openScene(central);
      const { port: to } = backend.address() as AddressInfo;
      await addBackend(central, to, { name: "http", protocol: "http", claims: "refuse" });
      const post = (path: string, body: string | Buffer, type = "application/json") =>
        postTo({ port, root, path, body, headers: { "content-type": type, authentication: shop } });
      assert.equal((await post("/v3/segments", segments("shop-a"))).status, 200);
      const refused = await post("/v3/segments", segments("victim"));
      assert.equal(refused.status, 403);
      assert.match(refused.text, /receiver\.claim_refused/);
      const protobuf = "application/x-protobuf";
      assert.equal((await post("/v1/traces", resource("shop"), protobuf)).status, 200);
      assert.equal((await post("/v1/traces", resource("victim"), protobuf)).status, 403);
      assert.match((await post("/api/v2/spans", "[]")).text, /receiver\.claim_unreadable/);
      const seen = bodies.join("\n");
      assert.match(seen, /shop-a[^]*service\.name[^]*shop/);
      assert.doesNotMatch(seen, /victim/);
      assert.equal(calls, 2, "it does not hear of calls that are refused");
      backend.closeAllConnections();
      backend.close();
    }));

  it("where claims are logged alone everything goes through, with one line for each name", () =>
    withCentral(async (central) => {
      await using backend = await startTelemetryBackend();
      const { port, root, shop } = await openScene(central);
      await addBackend(central, backend.port, { name: "oap", claims: "log" });
      using program = programAt(port, root, shop);
      for (const service of ["victim", "victim", "shop"]) {
        assert.equal((await program.call(KEEP_ALIVE, ping(service, "i-1"))).code, "OK");
      }
      assert.equal(backend.arrived.length, 3);
      const lines = await until(async () => {
        const found = central.process.stderr.match(/"claimed":"service 'victim'"/g);
        return found ?? undefined;
      });
      assert.equal(lines.length, 1);
      const seen = await central.call<{ claims: Row[] }>("GET", "/api/v1/receiver");
      assert.deepEqual(
        seen.claims.map(({ claimant, claimed, refused, count }) => [
          claimant,
          claimed,
          refused,
          count,
        ]),
        [["client:shop", "service 'victim'", false, 2]],
      );
    }));
});

interface Post {
  readonly port: number;
  readonly root: Buffer;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | Buffer;
}

function postTo({ port, root: ca, path, headers, body }: Post) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const options = { port, host: "localhost", ca, method: "POST", path, headers, agent: false };
    const call = request(options, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () =>
        resolve({ status: answer.statusCode, text: Buffer.concat(parts).toString() }),
      );
      answer.on("error", reject);
    });
    call.on("error", reject);
    call.end(body);
  });
}
