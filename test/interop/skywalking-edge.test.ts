import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "node:test";
import { launchProcess, type LaunchedProcess } from "@tautline/testing";
import { type EdgeAgent, openEdgeWay } from "../running-edge.ts";
import { type HttpBackend, type Posted, startHttpBackend } from "./telemetry/http-backend.ts";
import { EXPORT_TRACES, spanNames } from "./telemetry/otlp-messages.ts";
import { startTelemetryBackend, type TelemetryBackend } from "./telemetry/telemetry-backend.ts";
import { readMessage } from "./telemetry/wire-reader.ts";

const programs = (name: string): string =>
  fileURLToPath(new URL(`telemetry/${name}`, import.meta.url));

/** SN-4: a host may set these for every process; a program that knows one of them could do without the edge. */
const NO_CERTIFICATES = { NODE_EXTRA_CA_CERTS: "", GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: "" };

/** Waits until a program has said something, or shows why it ended. */
function said(
  program: LaunchedProcess,
  event: string,
): ReturnType<LaunchedProcess["waitForEvent"]> {
  return program.waitForEvent((line) => line["event"] === event);
}

describe("programs as published on npm, through the edge at mtls", { concurrency: true }, () => {
  const scene = openScene();
  before(() => scene.open());
  after(() => scene.close());

  const trace = (): LaunchedProcess =>
    launchProcess({
      command: process.execPath,
      args: [programs("traced-program.ts")],
      env: {
        ...NO_CERTIFICATES,
        SW_AGENT_NAME: "demo",
        SW_AGENT_INSTANCE: "inst-1",
        SW_AGENT_COLLECTOR_BACKEND_SERVICES: scene.edge.address,
        SW_LOGGING_TARGET: "console",
      },
    });

  it("skywalking-backend-js 0.9.0 registers, keeps alive and sends segments, which arrive whole (SW-8, SN-5, SN-7)", async () => {
    const { backend } = scene;
    await using program = trace();
    const { port } = await said(program, "listening");
    await fetch(`http://127.0.0.1:${String(port)}/hello`);
    const { message, metadata } = await backend.waitFor(
      ({ method, message: { service } }) => method.endsWith("/collect") && service === "demo",
    );
    assert.deepEqual([message["service"], message["serviceInstance"]], ["demo", "inst-1"]);
    assert.match(String(message["traceId"]), /^[0-9a-f]{32}$/);
    const [span = {}] = message["spans"] as Record<string, unknown>[];
    assert.deepEqual(
      [span["operationName"], span["parentSpanId"], span["spanLayer"], span["componentId"]],
      ["GET:/hello", -1, 3, 49],
    );
    assert.ok(Number(span["startTime"]) <= Number(span["endTime"]));
    const tags = (span["tags"] as { key: string; value: string }[]).map(({ key, value }) => [
      key,
      value,
    ]);
    assert.deepEqual(Object.fromEntries(tags)["http.status_code"], "200");
    assert.match(String(metadata["user-agent"]), /^grpc-node-js\//);

    // The first heartbeat comes after 20 s (SN-7).
    const alive = await backend.waitFor(({ method }) => method === "ManagementService/keepAlive");
    assert.deepEqual(alive.message, { service: "demo", serviceInstance: "inst-1" });
    const registered = await backend.waitFor(({ method }) =>
      method.endsWith("reportInstanceProperties"),
    );
    const properties = registered.message["properties"] as { key: string; value: string }[];
    assert.equal(properties.find(({ key }) => key === "language")?.value, "NodeJS");
  });

  it("a program's own user-agent arrives, and what it says of itself under central's names does not", async () => {
    const { backend, edge } = scene;
    const told = {
      "user-agent": "legacy-exporter/3 (own)",
      "tautline-identity": "spiffe://somebody",
      "tautline-client": "somebody",
      "tautline-level": "plaintext",
    };
    assert.equal(await collectAs(edge.address, told), "0");
    const { metadata } = await backend.waitFor(
      ({ metadata: each }) => each["user-agent"] === told["user-agent"],
    );
    assert.match(String(metadata["tautline-identity"]), /^spiffe:\/\/default\..*\/agent\//);
    assert.equal(metadata["tautline-level"], "mtls");
    assert.equal(metadata["tautline-client"], undefined);
  });

  it("OpenTelemetry's exporter over gRPC exports, told by environment variables alone", async () => {
    await using program = exportSpan("by grpc", {
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${scene.edge.address}`,
    });
    assert.deepEqual(await said(program, "exported"), { event: "exported", code: 0 });
    const { message } = await scene.backend.waitFor(
      ({ method }) => method === "TraceService/Export",
    );
    assert.deepEqual(spanNames(message), ["by grpc"]);
  });

  it("OpenTelemetry's exporter over HTTP/protobuf exports, told by environment variables alone", async () => {
    await using program = exportSpan("by http", {
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${scene.edge.address}`,
    });
    assert.deepEqual(await said(program, "exported"), { event: "exported", code: 0 });
    const { headers, body } = await scene.posted;
    assert.deepEqual(spanNames(readMessage(body, EXPORT_TRACES)), ["by http"]);
    assert.equal(headers["content-type"], "application/x-protobuf");
  });
});

/** Sends an empty report with these headers; gives its status of gRPC. */
async function collectAs(
  address: string,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  const session = connect(`http://${address}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": "/skywalking.v3.TraceSegmentReportService/collect",
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.end(Buffer.alloc(5));
    const [trailers] = (await once(stream.resume(), "trailers")) as [Record<string, unknown>];
    return trailers["grpc-status"];
  } finally {
    session.destroy();
  }
}

function exportSpan(name: string, env: Readonly<Record<string, string>>): LaunchedProcess {
  const args = [programs("otlp-program.ts"), name];
  return launchProcess({ command: process.execPath, args, env: { ...NO_CERTIFICATES, ...env } });
}

interface Scene {
  open(): Promise<void>;
  close(): Promise<void>;
  readonly edge: EdgeAgent;
  readonly backend: TelemetryBackend;
  /** The first call that reached the backend of HTTP. */
  readonly posted: Promise<Posted>;
}

/** A central with a backend of gRPC and one of HTTP, and an agent with an edge. */
function openScene(): Scene {
  const parts = new AsyncDisposableStack();
  let edge: EdgeAgent | undefined;
  let backend: TelemetryBackend | undefined;
  let collector: HttpBackend | undefined;
  return {
    open: async () => {
      backend = parts.use(await startTelemetryBackend());
      collector = parts.use(await startHttpBackend());
      const way = await openEdgeWay([
        { name: "oap", targets: [`127.0.0.1:${backend.port}`] },
        { name: "collector", targets: [`127.0.0.1:${collector.port}`], protocol: "http" },
      ]);
      edge = parts.use(way).agent;
    },
    close: () => parts.disposeAsync(),
    get edge() {
      return edge ?? absent();
    },
    get backend() {
      return backend ?? absent();
    },
    get posted() {
      return collector?.posted ?? absent();
    },
  };
}

function absent(): never {
  throw new Error("the scene is not open");
}
