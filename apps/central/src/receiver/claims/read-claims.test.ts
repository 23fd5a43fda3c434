import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { CLAIM_LIMITS, type FoundClaims } from "./claim.ts";
import { OTLP_SHAPE, shapeOfMethod } from "./claim-shapes.ts";
import {
  field,
  googleClass,
  googleMessage,
  type GoogleMessage,
  otlpRequest,
} from "./fixture-messages.test.ts";
import { readClaims } from "./read-claims.ts";

/** "service demo, instance inst-1", or why not. */
function told(found: FoundClaims): string {
  if ("unreadable" in found) return `unreadable: ${found.unreadable}`;
  return found.claims.map(({ kind, text }) => `${kind} ${text}`).join(", ");
}

const byMethod = (path: string, bytes: Uint8Array): string => {
  const shape = shapeOfMethod(path);
  assert.ok(shape, path);
  return told(readClaims(Buffer.from(bytes), shape));
};

const make = (file: string, name: string, fields: Record<string, unknown>): GoogleMessage =>
  googleMessage(googleClass(file, name), fields);

const BOTH = { Service: "demo", Serviceinstance: "inst-1" };
const AGENT = "language-agent";
const segment = make(`${AGENT}/Tracing`, "SegmentObject", { ...BOTH, Traceid: "t1" });
const meter = make(`${AGENT}/Meter`, "MeterData", { ...BOTH, Timestamp: 1 });

describe("readClaims, of messages that the published protocol's own classes wrote", () => {
  const WRITTEN: readonly (readonly [method: string, GoogleMessage])[] = [
    [
      "ManagementService/reportInstanceProperties",
      make("management/Management", "InstanceProperties", { ...BOTH, Layer: "GENERAL" }),
    ],
    ["ManagementService/keepAlive", make("management/Management", "InstancePingPkg", BOTH)],
    ["TraceSegmentReportService/collect", segment],
    [
      "TraceSegmentReportService/collectInSync",
      make(`${AGENT}/Tracing`, "SegmentCollection", { SegmentsList: [segment, segment] }),
    ],
    ["MeterReportService/collect", meter],
    [
      "MeterReportService/collectBatch",
      make(`${AGENT}/Meter`, "MeterDataCollection", { MeterdataList: [meter] }),
    ],
    ["JVMMetricReportService/collect", make(`${AGENT}/JVMMetric`, "JVMMetricCollection", BOTH)],
    ["CLRMetricReportService/collect", make(`${AGENT}/CLRMetric`, "CLRMetricCollection", BOTH)],
    ["LogReportService/collect", make("logging/Logging", "LogData", BOTH)],
    [
      "EventService/collect",
      make("event/Event", "Event", {
        Uuid: "u",
        Source: make("event/Event", "Source", BOTH),
        Message: "m",
      }),
    ],
    [
      "ProfileTask/getProfileTaskCommands",
      make("profile/Profile", "ProfileTaskCommandQuery", BOTH),
    ],
    ["ProfileTask/reportTaskFinish", make("profile/Profile", "ProfileTaskFinishReport", BOTH)],
  ];
  for (const [method, message] of WRITTEN) {
    it(`${method} claims its service and its instance, by both of its names`, () => {
      const bytes = message.serializeBinary();
      for (const path of [`/skywalking.v3.${method}`, `/${method}`]) {
        assert.equal(byMethod(path, bytes), "service demo, instance inst-1", path);
      }
    });
  }

  it("configurations and pages of browsers claim a service alone", () => {
    const asked = make(`${AGENT}/ConfigurationDiscoveryService`, "ConfigurationSyncRequest", BOTH);
    const path = "/skywalking.v3.ConfigurationDiscoveryService/fetchConfigurations";
    assert.equal(byMethod(path, asked.serializeBinary()), "service demo");
    const page = make("browser/BrowserPerf", "BrowserErrorLog", BOTH);
    const errors = "/skywalking.v3.BrowserPerfService/collectErrorLogs";
    assert.equal(byMethod(errors, page.serializeBinary()), "service demo");
  });

  it("what follows the first element of a stream, without a name, claims nothing (SN-8)", () => {
    const later = make(`${AGENT}/Meter`, "MeterData", { Timestamp: 2 });
    const path = "/skywalking.v3.MeterReportService/collect";
    assert.equal(byMethod(path, later.serializeBinary()), "");
  });

  it("the golden bytes of requirements 5.3 claim what they say", () => {
    const ping = Buffer.from("0a0464656d6f1206696e73742d31", "hex");
    const path = "/skywalking.v3.ManagementService/keepAlive";
    assert.equal(byMethod(path, ping), "service demo, instance inst-1");
    const whole =
      "0a027431120273311a2d080010ffffffffffffffffff011880d095ffbc312085d095ffbc31320a4745543a2f68656c6c6f400048035031220464656d6f2a06696e73742d31";
    const collect = "/skywalking.v3.TraceSegmentReportService/collect";
    assert.equal(byMethod(collect, Buffer.from(whole, "hex")), "service demo, instance inst-1");
  });

  it("a method that is not listed has no shape, and health asks of nobody", () => {
    assert.equal(shapeOfMethod("/skywalking.v3.ServiceMeshMetricService/collect"), undefined);
    assert.equal(shapeOfMethod("/skywalking.v3.ManagementService/keepAlive/"), undefined);
    assert.equal(byMethod("/grpc.health.v1.Health/Check", field(1, "oap")), "");
  });
});

const otlp = (...resources: Parameters<typeof otlpRequest>[0]): string =>
  told(readClaims(otlpRequest(resources), OTLP_SHAPE));

describe("readClaims, of OTLP", () => {
  it("each resource claims a name, with its namespace before it, and an instance", () => {
    assert.equal(otlp([["service.name", "shop"]]), "service shop");
    const first = [
      ["service.instance.id", "i-1"],
      ["service.name", "checkout"],
      ["host.name", "h"],
      ["service.namespace", "payments"],
    ] as const;
    assert.equal(
      otlp(first, [["service.name", "shop"]]),
      "instance i-1, service payments/checkout, service shop",
    );
    assert.equal(otlp([["host.name", "h"]], []), "");
    assert.equal(
      otlp([
        ["service.name", "shop"],
        ["service.namespace", ""],
      ]),
      "service shop",
    );
  });

  it("the version of the library is told besides", () => {
    const request = otlpRequest([
      [
        ["telemetry.sdk.version", "2.1.0"],
        ["service.name", "shop"],
      ],
    ]);
    const found = readClaims(request, OTLP_SHAPE);
    assert.ok(!("unreadable" in found));
    assert.equal(found.version, "2.1.0");
  });

  it("an attribute that stands twice is two claims: readers differ in which one they take", () => {
    assert.equal(
      otlp([
        ["service.name", "shop"],
        ["service.name", "victim"],
      ]),
      "service shop, service victim",
    );
    const spaces = [
      ["service.name", "a"],
      ["service.namespace", ""],
      ["service.namespace", "b"],
    ];
    assert.equal(otlp(spaces as never), "service a, service b/a");
    const many = Array.from({ length: 5 }, (_, index) => ["service.name", `n${index}`] as const);
    assert.match(otlp(many), /^unreadable: it has service.name several times$/);
  });

  it("two keys of one pair count both, and two values", () => {
    const pair = Buffer.concat([
      field(1, "x"),
      field(1, "service.name"),
      field(2, field(1, "shop")),
      field(2, field(1, "victim")),
    ]);
    const request = field(1, field(1, field(1, pair)));
    assert.equal(told(readClaims(request, OTLP_SHAPE)), "service shop, service victim");
    const halves = field(1, Buffer.concat([field(1, field(1, pair)), field(1, field(1, pair))]));
    assert.equal(told(readClaims(halves, OTLP_SHAPE)), "service shop, service victim");
  });

  it("a name that is no text cannot be read; one of another attribute does not matter", () => {
    const bytesValue = field(7, "victim");
    const numberValue = Buffer.from([0x18, 0x05]);
    for (const value of [bytesValue, numberValue]) {
      assert.equal(
        otlp([["service.name", value]]),
        "unreadable: the value of service.name is no text",
      );
      assert.equal(otlp([["process.pid", value]]), "");
    }
    const long = "x".repeat(CLAIM_LIMITS.nameBytes * 10);
    assert.equal(otlp([["process.command_line", long]]), "");
  });
});

const PING = shapeOfMethod("/skywalking.v3.ManagementService/keepAlive") ?? {};
const UNREADABLE: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["a field cut short", field(1, "demo").subarray(0, 3)],
  ["a length beyond the end", Buffer.from([0x0a, 0x7f, 0x61])],
  ["a length of six bytes", Buffer.from([0x0a, 0x81, 0x80, 0x80, 0x80, 0x80, 0x00, 0x61])],
  ["a tag of more than 32 bits", Buffer.from([0x8a, 0x80, 0x80, 0x80, 0x10, 0x01, 0x61])],
  ["a field without a number", Buffer.from([0x02, 0x01, 0x61])],
  ["a group", Buffer.from([0x53, 0x54])],
  ["a number without an end", Buffer.alloc(11, 0xff).fill(0x18, 0, 1)],
  ["the name as a number", Buffer.from([0x08, 0x05])],
  ["a name that is not UTF-8", field(1, Buffer.from([0xff, 0xfe]))],
  ["a name one byte too long", field(1, "x".repeat(CLAIM_LIMITS.nameBytes + 1))],
  ["a fixed number cut short", Buffer.from([0x19, 1, 2, 3])],
];

for (const [what, bytes] of UNREADABLE) {
  test(`A19: a message with ${what} cannot be read, and nothing is thrown`, () => {
    assert.match(told(readClaims(bytes, PING)), /^unreadable: /);
  });
}

test("a service that stands twice is two claims, and one as long as may be is read", () => {
  const twice = Buffer.concat([field(1, "shop"), field(2, "i"), field(1, "victim")]);
  assert.equal(told(readClaims(twice, PING)), "service shop, instance i, service victim");
  const long = "x".repeat(CLAIM_LIMITS.nameBytes);
  assert.equal(told(readClaims(field(1, long), PING)), `service ${long}`);
});

const segments = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => field(1, field(4, `s${index}`))));

test("a message with one claim more than are kept cannot be read", () => {
  const collection = shapeOfMethod("/skywalking.v3.TraceSegmentReportService/collectInSync") ?? {};
  const { claims: most } = CLAIM_LIMITS;
  assert.match(told(readClaims(segments(most), collection)), /^service s0, /);
  assert.match(told(readClaims(segments(most + 1), collection)), /claims more than 1024 names/);
});

test("A29: a message with one field more than are stepped over cannot be read", () => {
  const { fields } = CLAIM_LIMITS;
  const named = field(1, "shop");
  const filled = (count: number): Buffer =>
    Buffer.concat([named, Buffer.alloc(2 * (count - 1), Buffer.from([0x48, 0x01]))]);
  assert.equal(told(readClaims(filled(fields), PING)), "service shop");
  assert.equal(
    told(readClaims(filled(fields + 1), PING)),
    "unreadable: it has more than 262144 fields",
  );
});

const many = (bytes: Buffer): Buffer[] => Array.from({ length: 60_000 }, () => bytes);

test("A29: one attribute of thousands of keys and values is read in one go", () => {
  const pair = Buffer.concat([
    ...many(field(1, "service.name")),
    ...many(field(2, field(1, "shop"))),
  ]);
  const request = field(1, field(1, field(1, pair)));
  // Sixty thousand times sixty thousand would not end.
  assert.equal(told(readClaims(request, OTLP_SHAPE)), "service shop");
});
