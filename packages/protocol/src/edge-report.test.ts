import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { decodeEdgeReport, type EdgeReport, encodeEdgeReport } from "./edge-report.ts";
import { EdgeReportSchema } from "./gen/tautline/v1/edge_pb.ts";
import { LIMITS } from "./limits.ts";

const PLACE = { name: "oap.example.org:11800", state: "out", code: "link.refused" };
const REPORT: EdgeReport = {
  listening: true,
  calls: 12,
  failed: 2,
  kept: 5,
  delivered: 3,
  waitingCalls: 2,
  waitingBytes: 700,
  losses: [
    { reason: "full", calls: 1 },
    { reason: "age", calls: 4 },
  ],
  places: [{ name: "central", state: "ready", code: "" }, PLACE],
  trouble: "agent.edge_store_full",
  troubleAtMs: 1_700_000_000_000,
};
const NOTHING: EdgeReport = {
  listening: false,
  calls: 0,
  failed: 0,
  kept: 0,
  delivered: 0,
  waitingCalls: 0,
  waitingBytes: 0,
  losses: [],
  places: [],
  trouble: "",
  troubleAtMs: 0,
};
const refusal = { code: "agent.edge_report_malformed" };
const words = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => String.fromCodePoint(97 + at));
const lossesOf = (count: number) => words(count).map((reason) => ({ reason, calls: 1 }));
const placesOf = (count: number) => words(count).map((name) => Object.assign({}, PLACE, { name }));

test("SWP-9: a report comes back as it was", () => {
  for (const report of [REPORT, NOTHING, { ...REPORT, calls: Number.MAX_SAFE_INTEGER }]) {
    assert.deepEqual(decodeEdgeReport(encodeEdgeReport(report)), report);
  }
});

test("reasons and states of a later version are taken as they are", () => {
  const losses = [{ reason: "moonlight", calls: 1 }];
  const places = [{ name: "central", state: "dozing", code: "" }];
  const report = { ...REPORT, losses, places };
  assert.deepEqual(decodeEdgeReport(encodeEdgeReport(report)), report);
});

test("as many reasons and places as may be are taken, and one more is not", () => {
  const [reasons, places] = [LIMITS.edgeLosses.value, LIMITS.edgePlaces.value];
  const full = { ...REPORT, losses: lossesOf(reasons), places: placesOf(places) };
  assert.deepEqual(decodeEdgeReport(encodeEdgeReport(full)), full);
  assert.throws(() => encodeEdgeReport({ ...full, losses: lossesOf(reasons + 1) }), refusal);
  assert.throws(() => encodeEdgeReport({ ...full, places: placesOf(places + 1) }), refusal);
});

const BAD: readonly [string, Partial<EdgeReport>][] = [
  ["a reason that is no word", { losses: [{ reason: "full disk", calls: 1 }] }],
  ["a reason twice", { losses: [...lossesOf(1), ...lossesOf(1)] }],
  ["a state that is no word", { places: [{ ...PLACE, state: "OUT" }] }],
  ["a code of a place that is none", { places: [{ ...PLACE, code: "rm -rf" }] }],
  ["a trouble that is no code", { trouble: "it broke" }],
  ["a time that is no date", { troubleAtMs: 253_402_300_800_000 }],
];

for (const [what, part] of BAD) {
  test(`a report with ${what} is refused, both ways`, () => {
    const report = { ...REPORT, ...part };
    assert.throws(() => encodeEdgeReport(report), refusal);
    const bytes = toBinary(
      EdgeReportSchema,
      create(EdgeReportSchema, {
        losses: report.losses.map(({ reason, calls }) => ({ reason, calls: BigInt(calls) })),
        places: [...report.places],
        trouble: report.trouble,
        troubleAtMs: BigInt(report.troubleAtMs),
      }),
    );
    assert.throws(() => decodeEdgeReport(bytes), refusal);
  });
}

test("counts below nothing, or above what can be counted exactly, are refused", () => {
  for (const calls of [-1, 0.5, Number.MAX_SAFE_INTEGER + 1, Number.NaN]) {
    assert.throws(() => encodeEdgeReport({ ...REPORT, calls }), refusal);
    const losses = [{ reason: "age", calls }];
    assert.throws(() => encodeEdgeReport({ ...REPORT, losses }), refusal);
  }
  const huge = create(EdgeReportSchema, { kept: 2n ** 64n - 1n });
  assert.throws(() => decodeEdgeReport(toBinary(EdgeReportSchema, huge)), refusal);
});

test("promise 6: a name in it is bounded, and can move no cursor", () => {
  const name = `\u001B[2J${"a".repeat(1_000)}`;
  const bytes = encodeEdgeReport({ ...REPORT, places: [{ ...PLACE, name }] });
  const [place] = decodeEdgeReport(bytes).places;
  assert.equal(place?.name.length, LIMITS.hostPortCharacters.value);
  assert.ok(!place?.name.includes("\u001B"));
});
