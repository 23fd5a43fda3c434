import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { launchProcess, type LaunchedProcess } from "@tautline/testing";
import { type Items, withCentral } from "../running-central.ts";
import { joinByHand } from "./hand-made-agent.ts";
import { startHttpBackend } from "./telemetry/http-backend.ts";
import { EXPORT_TRACES, spanNames } from "./telemetry/otlp-messages.ts";
import { openReceiverPort, openReceiverWay, type ReceiverWay } from "./telemetry/receiver-way.ts";
import { startTelemetryBackend } from "./telemetry/telemetry-backend.ts";
import { readMessage } from "./telemetry/wire-reader.ts";

/** Set both, or a host that sets one for every process would decide (SN-4). */
const NO_CERTIFICATES = { NODE_EXTRA_CA_CERTS: "", GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: "" };

function launch(
  name: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): LaunchedProcess {
  const program = fileURLToPath(new URL(`telemetry/${name}`, import.meta.url));
  return launchProcess({
    command: process.execPath,
    args: [program, ...args],
    env: { ...NO_CERTIFICATES, ...env },
  });
}

const said = (program: LaunchedProcess, event: string) =>
  program.waitForEvent((line) => line["event"] === event);

describe("programs as published on npm, straight to the receiver", { concurrency: true }, () => {
  it("skywalking-backend-js 0.9.0 registers, keeps alive and sends segments over server TLS and a token, under a name that the token may claim (SW-13, SN-4, SN-7)", () =>
    withCentral(async (central) => {
      await using backend = await startTelemetryBackend();
      const { rootsFile } = await joinByHand(await central.token(), central.folder);
      const port = await openReceiverPort(central);
      const targets = [`127.0.0.1:${backend.port}`];
      const order = { name: "oap", targets, requireToken: true, claims: "refuse" };
      await central.call("POST", "/api/v1/backends", order);
      const { token } = await central.call<{ token: string }>("POST", "/api/v1/clients", {
        name: "shop",
        services: ["demo"],
      });
      const environment = {
        GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: rootsFile,
        SW_AGENT_INSTANCE: "inst-1",
        SW_AGENT_COLLECTOR_BACKEND_SERVICES: `localhost:${port}`,
        SW_AGENT_SECURE: "true",
        SW_AGENT_AUTHENTICATION: token,
        SW_LOGGING_TARGET: "console",
      };
      const named = (name: string): LaunchedProcess =>
        launch("traced-program.ts", { ...environment, SW_AGENT_NAME: name });
      await using program = named("demo");
      await using spoofing = named("victim");
      for (const each of [program, spoofing]) {
        const { port: app } = await said(each, "listening");
        await fetch(`http://127.0.0.1:${String(app)}/hello`);
      }
      const { message, metadata } = await backend.waitFor(({ method }) =>
        method.endsWith("/collect"),
      );
      assert.deepEqual([message["service"], message["serviceInstance"]], ["demo", "inst-1"]);
      assert.match(String(message["traceId"]), /^[0-9a-f]{32}$/);
      assert.equal(metadata["tautline-identity"], "client:shop");
      assert.equal(metadata["authentication"], undefined);
      const links = await central.call<Items<Record<string, unknown>>>(
        "GET",
        "/api/v1/links?kind=receiver",
      );
      // The other program's is there as soon as it has called.
      assert.ok(links.items.length > 0);
      for (const { client, level } of links.items) {
        assert.deepEqual([client, level], ["shop", "tls"]);
      }

      // The first heartbeat comes after 20 s (SN-7).
      const alive = await backend.waitFor(({ method }) => method.endsWith("/keepAlive"));
      assert.deepEqual(alive.message, { service: "demo", serviceInstance: "inst-1" });
      await backend.waitFor(({ method }) => method.endsWith("/reportInstanceProperties"));

      // The other program has the same token, and calls itself what that may not.
      const seen = await central.call<{ claims: object[] }>("GET", "/api/v1/receiver");
      assert.match(JSON.stringify(seen.claims), /service 'victim'.*"refused":true/);
      assert.ok(backend.arrived.every(({ message: { service } }) => service === "demo"));
    }));

  it("OpenTelemetry's exporter over gRPC shows a client certificate, set by environment variables alone", async () => {
    await using backend = await startTelemetryBackend();
    await using way = await openReceiverWay([
      { name: "otlp", targets: [`127.0.0.1:${backend.port}`] },
    ]);
    await using program = exportBy("grpc", way);
    assert.deepEqual(await said(program, "exported"), { event: "exported", code: 0 });
    const { message, metadata } = await backend.waitFor(
      ({ method }) => method === "TraceService/Export",
    );
    assert.deepEqual(spanNames(message), ["by grpc"]);
    assert.match(String(metadata["tautline-identity"]), new RegExp(`/agent/${way.agent.id}$`));
  });

  it("OpenTelemetry's exporter over HTTP/protobuf shows a client certificate, set by environment variables alone", async () => {
    await using backend = await startHttpBackend();
    await using way = await openReceiverWay([
      { name: "otlp", protocol: "http", targets: [`127.0.0.1:${backend.port}`] },
    ]);
    await using program = exportBy("http/protobuf", way);
    assert.deepEqual(await said(program, "exported"), { event: "exported", code: 0 });
    const { headers, body } = await backend.posted;
    assert.deepEqual(spanNames(readMessage(body, EXPORT_TRACES)), ["by http/protobuf"]);
    assert.match(String(headers["tautline-identity"]), new RegExp(`/agent/${way.agent.id}$`));
  });
});

function exportBy(protocol: string, { port, agent }: ReceiverWay): LaunchedProcess {
  const env = {
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_ENDPOINT: `https://localhost:${port}`,
    OTEL_EXPORTER_OTLP_CERTIFICATE: agent.rootsFile,
    OTEL_EXPORTER_OTLP_CLIENT_KEY: agent.clientKeyFile,
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: agent.clientChainFile,
  };
  return launch("otlp-program.ts", env, [`by ${protocol}`]);
}
