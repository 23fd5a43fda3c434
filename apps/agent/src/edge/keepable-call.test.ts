import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type CallShape, emptyReplyTo } from "./keepable-call.ts";

const grpc = (path: string, method = "POST"): CallShape => ({
  method,
  path,
  isGrpc: true,
  contentType: "application/grpc",
});
const http = (path: string, contentType?: string, method = "POST"): CallShape => ({
  method,
  path,
  isGrpc: false,
  contentType,
});

for (const path of [
  "/skywalking.v3.TraceSegmentReportService/collect",
  "/skywalking.v3.TraceSegmentReportService/collectInSync",
  "/skywalking.v3.ManagementService/keepAlive",
  "/skywalking.v3.ManagementService/reportInstanceProperties",
  "/skywalking.v3.MeterReportService/collectBatch",
  "/skywalking.v3.LogReportService/collect",
  "/skywalking.v3.EventService/collect",
  "/TraceSegmentReportService/collect",
  "/JVMMetricReportService/collect",
  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
  "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
  "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
]) {
  test(`SWP-9: ${path} is answered by an empty message, so it may be kept`, () => {
    assert.deepEqual(emptyReplyTo(grpc(path)), { kind: "grpc" });
    assert.equal(emptyReplyTo(http(path)), undefined);
    assert.equal(emptyReplyTo(grpc(path, "GET")), undefined);
  });
}

for (const path of [
  "/skywalking.v3.ConfigurationDiscoveryService/fetchConfigurations",
  "/skywalking.v3.TraceSegmentReportService/Collect",
  "/skywalking.v3.TraceSegmentReportService/collect/",
  "/skywalking.v3.TraceSegmentReportService/collect?a=1",
  "/EventService/collect",
  "/grpc.health.v1.Health/Check",
  "/",
  "",
]) {
  test(`SWP-9: ${path} asks for something, or is none that is known, so it is never kept`, () => {
    assert.equal(emptyReplyTo(grpc(path)), undefined);
  });
}

test("OTLP over HTTP is answered in the type it came in: no byte in one, an empty object in the other", () => {
  for (const path of ["/v1/traces", "/v1/metrics", "/v1/logs?tenant=a"]) {
    const bytes = emptyReplyTo(http(path, "application/x-protobuf"));
    assert.deepEqual(bytes, { kind: "http", contentType: "application/x-protobuf", body: "" });
    const text = emptyReplyTo(http(path, "Application/JSON; charset=utf-8"));
    assert.deepEqual(text, { kind: "http", contentType: "application/json", body: "{}" });
    assert.equal(emptyReplyTo(http(path, "text/plain")), undefined);
    assert.equal(emptyReplyTo(http(path, "application/json", "GET")), undefined);
  }
});

test("SkyWalking over HTTP is answered by an empty object", () => {
  for (const path of ["/v3/segments", "/v3/management/keepAlive", "/v3/logs"]) {
    assert.deepEqual(emptyReplyTo(http(path, "application/json")), {
      kind: "http",
      contentType: "application/json",
      body: "{}",
    });
  }
});

test("no path that is not in the list may be kept, whatever it looks like", () => {
  fc.assert(
    fc.property(fc.string(), (path) => {
      assert.equal(emptyReplyTo(grpc(`/${path}`)), undefined);
      assert.equal(emptyReplyTo(http(`/${path}`, "application/json")), undefined);
    }),
  );
});
