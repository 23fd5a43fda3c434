import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CLAIM_LIMITS } from "./claim.ts";
import type { HttpClaims } from "./claim-shapes.ts";
import { readJsonClaims } from "./read-claims-json.ts";

function told(kind: HttpClaims, document: unknown): string {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  const found = readJsonClaims(Buffer.from(text), kind);
  if ("unreadable" in found) return `unreadable: ${found.unreadable}`;
  return found.claims.map(({ kind: of, text: name }) => `${of} ${name}`).join(", ");
}

const SEGMENT = {
  traceId: "t",
  service: "demo",
  serviceInstance: "i-1",
  spans: [{ service: "x" }],
};
const attribute = (key: string, value: unknown) => ({ key, value });
const resourceOf = (...attributes: readonly unknown[]) => ({ resource: { attributes } });

describe("readJsonClaims", () => {
  it("SkyWalking's segments and logs claim as one or in a list, its events by their source", () => {
    assert.equal(told("skywalking", SEGMENT), "service demo, instance i-1");
    const list = [SEGMENT, { service: "other", service_instance: "i-2" }, {}];
    assert.equal(
      told("skywalking", list),
      "service demo, instance i-1, service other, instance i-2",
    );
    assert.equal(
      told("skywalking-event", [{ uuid: "u", source: SEGMENT }]),
      "service demo, instance i-1",
    );
  });

  it("OTLP claims in both spellings of its fields, of all three kinds", () => {
    const pair = [
      attribute("service.name", { stringValue: "checkout" }),
      attribute("service.namespace", { string_value: "payments" }),
      attribute("service.instance.id", { stringValue: "i" }),
      attribute("process.pid", { intValue: "7" }),
    ];
    const keys = ["resourceSpans", "resource_spans", "resourceMetrics", "resource_logs"];
    for (const key of keys) {
      const request = { [key]: [resourceOf(...pair)] };
      assert.equal(told("otlp", request), "instance i, service payments/checkout", key);
    }
    const both = {
      resourceSpans: [resourceOf(pair[0])],
      resource_spans: [resourceOf(attribute("service.name", { stringValue: "victim" }))],
    };
    assert.equal(told("otlp", both), "service checkout, service victim");
    assert.equal(told("otlp", { resourceSpans: null }), "");
  });

  const UNREADABLE: readonly (readonly [string, HttpClaims, unknown])[] = [
    ["a name that is a number", "skywalking", { service: 5 }],
    [
      "an OTLP name that is a number",
      "otlp",
      { resourceSpans: [resourceOf(attribute("service.name", { intValue: 5 }))] },
    ],
    ["a list that is none", "otlp", { resourceSpans: {} }],
    ["an object that is none", "skywalking", ["demo"]],
    [
      "a key twice, of which readers take either",
      "skywalking",
      '{"service":"shop","service":"victim"}',
    ],
    ["a key twice behind an escape", "skywalking", '{"service":"shop","s\\u0065rvice":"victim"}'],
    ["something else than JSON", "skywalking", "service=shop"],
    [
      "a name one character too long",
      "skywalking",
      { service: "x".repeat(CLAIM_LIMITS.nameBytes + 1) },
    ],
    ["too many levels", "skywalking", "[".repeat(33) + "]".repeat(33)],
    [
      "more bytes than are built",
      "skywalking",
      { service: "demo", more: "x".repeat(CLAIM_LIMITS.jsonBytes) },
    ],
  ];
  for (const [what, kind, document] of UNREADABLE) {
    it(`A19: ${what} cannot be read`, () => {
      assert.match(told(kind, document), /^unreadable: /);
    });
  }

  it("bytes that are not UTF-8 cannot be read", () => {
    const found = readJsonClaims(Buffer.from([0x22, 0xff, 0x22]), "skywalking");
    assert.deepEqual(found, { unreadable: "it is not UTF-8" });
  });
});
