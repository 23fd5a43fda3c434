import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createMetrics, LABEL_VALUES } from "./metrics.ts";
import { VERSION } from "./version.ts";

interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly labelNames?: readonly string[];
}

const page = readFileSync(new URL("../../../docs/reference/metrics.md", import.meta.url), "utf8");

/** The rows of the page by name: type, label, values, meaning. */
const rows = new Map(
  page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => {
      const [, name = "", ...cells] = line.split("|").map((cell) => cell.trim());
      return [name.replaceAll("`", ""), cells] as const;
    }),
);

const values = (name: string): string | undefined => rows.get(name)?.[2];
const written = (list: readonly string[]): string => list.map((each) => `\`${each}\``).join(", ");

const registered = (): Described[] =>
  (createMetrics().registry.getMetricsAsArray() as readonly Described[]).filter(({ name }) =>
    name.startsWith("tautline_"),
  );

describe("docs/reference/metrics.md", () => {
  it("has a row for every metric of central's own, with its type, label and meaning", () => {
    for (const { name, help, labelNames } of registered()) {
      const [type, label, , meaning] = rows.get(name) ?? assert.fail(`${name} has no row`);
      assert.equal(type, name.endsWith("_total") ? "counter" : "gauge", name);
      assert.deepEqual(labelNames, label?.replaceAll("`", "").split(", "), name);
      assert.equal(meaning, help, name);
    }
  });

  it("has no row for what is not registered", () => {
    const names = registered().map(({ name }) => name);
    assert.deepEqual([...rows.keys()].toSorted(), names.toSorted());
  });

  it("names the values of every label that has few", () => {
    assert.equal(values("tautline_opamp_messages_total"), written(LABEL_VALUES.transport));
    assert.equal(values("tautline_enrolments_total"), written(LABEL_VALUES.enrolment));
    assert.equal(values("tautline_instructions_total"), written(LABEL_VALUES.instruction));
    assert.equal(values("tautline_links"), written(LABEL_VALUES.level));
    assert.equal(values("tautline_forward_streams"), written(LABEL_VALUES.level));
    assert.equal(values("tautline_forward_streams_total"), written(LABEL_VALUES.stream));
    assert.equal(values("tautline_forward_bytes_total"), written(LABEL_VALUES.direction));
    assert.equal(values("tautline_receiver_bytes_total"), written(LABEL_VALUES.direction));
    assert.ok(values("tautline_receiver_calls_total")?.endsWith(written(LABEL_VALUES.call)));
    assert.equal(values("tautline_edge_lost_total"), written(LABEL_VALUES.loss));
    assert.equal(values("tautline_certificate_expires_seconds"), written(LABEL_VALUES.certificate));
    assert.equal(values("tautline_policy_ended_total"), written(LABEL_VALUES.policy));
    assert.equal(values("tautline_policy_exceptions"), written(LABEL_VALUES.kind));
    assert.equal(values("tautline_crl_expires_seconds"), written(LABEL_VALUES.crl));
  });
});

describe("createMetrics", () => {
  it("begins every series of few values at zero, and says its version", async () => {
    const text = await createMetrics().registry.metrics();
    for (const series of [
      'tautline_opamp_messages_total{transport="websocket"} 0',
      'tautline_enrolments_total{outcome="joined"} 0',
      'tautline_instructions_total{outcome="carried out"} 0',
      'tautline_links{level="mtls"} 0',
      'tautline_policy_ended_total{code="policy.not_post_quantum"} 0',
      `tautline_build_info{version="${VERSION}"} 1`,
    ]) {
      assert.ok(text.includes(series), series);
    }
  });

  it("counts the streams of forwards by level each time it is read", async () => {
    const metrics = createMetrics();
    const links: { level: "basic" | "mtls" }[] = [{ level: "basic" }, { level: "mtls" }];
    metrics.watchStreams(() => links);
    assert.match(await metrics.registry.metrics(), /tautline_forward_streams\{level="mtls"\} 1\n/);
    links.splice(0, 2, { level: "basic" }, { level: "basic" });
    const text = await metrics.registry.metrics();
    assert.match(text, /tautline_forward_streams\{level="basic"\} 2\n/);
    assert.match(text, /tautline_forward_streams\{level="mtls"\} 0\n/);
  });

  it("asks when certificates and lists end each time it is read", async () => {
    const metrics = createMetrics();
    let seconds = 90;
    metrics.watchEnds(() => ({
      certificates: new Map([["root", seconds]]),
      crls: new Map([["agents", seconds / 2]]),
    }));
    assert.match(
      await metrics.registry.metrics(),
      /^tautline_certificate_expires_seconds\{authority="root"\} 90$/m,
    );
    seconds = 20;
    const text = await metrics.registry.metrics();
    assert.match(text, /^tautline_certificate_expires_seconds\{authority="root"\} 20$/m);
    assert.match(text, /^tautline_crl_expires_seconds\{authority="agents"\} 10$/m);
  });

  it("is one registry a central: two in one process count apart", async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.enrolments.inc({ outcome: "joined" });
    assert.equal((await other.enrolments.get()).values[0]?.value, 0);
    assert.equal((await one.enrolments.get()).values[0]?.value, 1);
  });
});
