import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import type { BackendProtocol } from "./backend.ts";
import { backendFor, parseRoute, ROUTE_LIMITS, sharedRoute } from "./route-rule.ts";

const backend = (name: string, protocol: BackendProtocol, ...routes: string[]) => ({
  name,
  protocol,
  routes,
});

const ALL = [
  backend("oap", "grpc", "/skywalking.v3.*"),
  backend("logs", "grpc", "/skywalking.v3.LogReportService/*"),
  backend("one", "grpc", "/skywalking.v3.LogReportService/collect"),
  backend("rest", "grpc"),
  backend("otlp", "http", "/v1/traces", "/v1/metrics", "/v1/logs"),
  backend("v3", "http", "/v3/*"),
];

const TAKEN: readonly [string, BackendProtocol, string][] = [
  ["/skywalking.v3.ManagementService/keepAlive", "grpc", "oap"],
  ["/skywalking.v3.LogReportService/other", "grpc", "logs"],
  ["/skywalking.v3.LogReportService/collect", "grpc", "one"],
  ["/skywalking.v3x.Service/collect", "grpc", "rest"],
  ["/opentelemetry.proto.collector.trace.v1.TraceService/Export", "grpc", "rest"],
  ["/v1/traces", "http", "otlp"],
  ["/v1/traces?x=/../y", "http", "otlp"],
  ["/v1/metrics/", "http", "otlp"],
  ["/v3/segments", "http", "v3"],
];

const NOT_TAKEN: readonly [string, string][] = [
  ["beside a route", "/v1/tracesmore"],
  ["a route's own beginning", "/v1"],
  ["with dots", "/v1/traces/../../admin"],
  ["with escaped dots", "/v1/traces/%2e%2e/admin"],
  ["with an escaped slash", "/v3/%2Fadmin"],
  ["with doubled slashes", "//v3/segments"],
  ["with a backslash", "/v3/\\admin"],
  ["with one dot", "/v3/./segments"],
  ["of another server", "http://other/v3/segments"],
  ["of no server", "*"],
];

describe("backendFor", () => {
  for (const [path, protocol, name] of TAKEN) {
    it(`gives ${path} over ${protocol} to '${name}'`, () => {
      assert.equal(backendFor(ALL, { path, protocol }).name, name);
    });
  }

  for (const [what, path] of NOT_TAKEN) {
    it(`gives a path ${what} to nobody, also not to a backend for the rest`, () => {
      for (const backends of [ALL, [...ALL, backend("http-rest", "http", "/x")]]) {
        assert.throws(() => backendFor(backends, { path, protocol: "http" }), {
          code: "receiver.no_backend",
        });
      }
    });
  }

  it("never gives a call to a backend of the other protocol", () => {
    assert.throws(
      () => backendFor([backend("g", "grpc")], { path: "/v1/traces", protocol: "http" }),
      { code: "receiver.no_backend" },
    );
  });

  it("gives everything plain to the backend without routes, whatever the order", () => {
    const segment = fc.stringMatching(/^[A-Za-z0-9_]{1,20}$/);
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
        const path = `/${segments.join("/")}`;
        for (const backends of [ALL, ALL.toReversed()]) {
          assert.equal(backendFor(backends, { path, protocol: "grpc" }).name, "rest");
        }
      }),
    );
  });
});

describe("parseRoute", () => {
  for (const text of ["/a.B/C", "/a.B/*", "/a.*", "/v1/traces", "/v3/*", "/v3/", "/a_b~c-d"]) {
    it(`reads ${text}`, () => assert.equal(parseRoute(text), text));
  }

  const bad = [
    "",
    "v1/traces",
    "/",
    "/*",
    "/a/*/b",
    "/a*",
    "/../a",
    "/a/./b",
    "//a",
    "/a b",
    "/a%20",
    "/a?b",
    "/a.*x",
    "*",
  ];
  for (const text of bad) {
    it(`refuses '${text}'`, () => {
      assert.throws(() => parseRoute(text), { code: "value.backend_route" });
    });
  }

  it("refuses one character more than the limit", () => {
    const longest = `/${"a".repeat(ROUTE_LIMITS.characters - 1)}`;
    assert.equal(parseRoute(longest), longest);
    assert.throws(() => parseRoute(`${longest}a`), { code: "value.backend_route" });
  });

  it("never reads what it would not take as a path of its own", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        try {
          const path = parseRoute(text).replace("*", "x");
          backendFor([backend("it", "http", text)], { path, protocol: "http" });
        } catch (error) {
          assert.equal((error as { code: string }).code, "value.backend_route");
        }
      }),
    );
  });
});

describe("sharedRoute", () => {
  it("tells what two backends would both take", () => {
    const [one, two] = [backend("a", "grpc", "/a", "/b"), backend("b", "grpc", "/b", "/c")];
    assert.equal(sharedRoute(one, two), "/b");
    assert.equal(sharedRoute(one, backend("c", "http", "/b")), undefined);
    assert.equal(sharedRoute(backend("a", "http"), backend("b", "http")), "");
    assert.equal(sharedRoute(one, backend("b", "grpc")), undefined);
  });
});
