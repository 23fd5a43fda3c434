import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { planFiles, type FilePlan, type FileSituation } from "./file-rule.ts";

const found = {
  ca: "/d/ca/ca.crt",
  clientCertificate: "/d/ca/client.crt",
  clientPem: "/d/ca/client.pem",
  clientKey: "/d/ca/client.key",
};
const { ca, clientCertificate: crt, clientPem: pem, clientKey: key } = found;
const PIN = new Uint8Array(32).fill(7);
const NAMED = { certificateFile: "/etc/c.crt", keyFile: "/etc/c.key" };

type Settings = Partial<FileSituation["trust"]> &
  Pick<Partial<FileSituation>, "client" | "switchedOn">;

function plan(present: readonly string[], settings: Settings = {}): FilePlan | undefined {
  const { client, switchedOn, ...trust } = settings;
  return planFiles({
    trust: { system: false, pins: [], ...trust },
    client,
    found,
    isPresent: (file) => present.includes(file),
    switchedOn,
    marker: "/d/tls-files.json",
  });
}

/** Level, authorities, key, whether it is remembered; or the code and the file that is named. */
type Outcome = readonly unknown[];

function outcome(present: readonly string[], settings?: Settings): Outcome {
  try {
    const made = plan(present, settings);
    if (made === undefined) return ["off"];
    const { level, authorities, client, isByFound } = made;
    const by = typeof authorities === "object" ? authorities.file : (authorities ?? "pins");
    return [level, by, client?.keyFile ?? "none", isByFound ? "kept" : "not kept"];
  } catch (error) {
    assert.ok(isTautlineError(error), String(error));
    return [error.code, error.detail["file"] ?? error.detail["other"]];
  }
}

const TABLE: readonly [string, readonly string[], Settings, Outcome][] = [
  ["nothing anywhere: nothing is switched on", [], {}, ["off"]],
  ["SW-5: ca.crt switches tls on by itself", [ca], {}, ["tls", ca, "none", "kept"]],
  [
    "SW-7: with client.crt and client.pem it is mutual",
    [ca, crt, pem],
    {},
    ["mtls", ca, pem, "kept"],
  ],
  ["the key may be called client.key", [ca, crt, key], {}, ["mtls", ca, key, "kept"]],
  ["SW-7: a key without its certificate", [ca, pem], {}, ["files.missing", crt]],
  ["SW-7: a certificate without its key", [ca, crt], {}, ["files.missing", pem]],
  ["client files without ca.crt", [crt, pem], {}, ["files.missing", ca]],
  ["two keys", [ca, crt, pem, key], {}, ["files.two_keys", key]],
  [
    "SWP-1: once on, ca.crt may not be missing",
    [],
    { switchedOn: "tls" },
    ["files.switched_on", ca],
  ],
  [
    "once mutual, ca.crt may not be missing",
    [crt, pem],
    { switchedOn: "mtls" },
    ["files.switched_on", ca],
  ],
  [
    "once mutual, the client's files may not be missing",
    [ca],
    { switchedOn: "mtls" },
    ["files.switched_on", crt],
  ],
  ["once mutual, nothing may be missing", [], { switchedOn: "mtls" }, ["files.switched_on", ca]],
  [
    "once tls, mutual may be added",
    [ca, crt, pem],
    { switchedOn: "tls" },
    ["mtls", ca, pem, "kept"],
  ],
  ["SW-6: the system's store", [], { system: true }, ["tls", "system", "none", "not kept"]],
  [
    "the system's store stands above ca.crt",
    [ca],
    { system: true },
    ["tls", "system", "none", "not kept"],
  ],
  [
    "a named file stands above ca.crt",
    [ca],
    { caFile: "/etc/ca" },
    ["tls", "/etc/ca", "none", "not kept"],
  ],
  ["pins alone", [], { pins: [PIN] }, ["tls", "pins", "none", "not kept"]],
  ["pins narrow what ca.crt trusts", [ca], { pins: [PIN] }, ["tls", ca, "none", "kept"]],
  [
    "a named pair stands above a found one",
    [ca, crt, pem],
    { client: NAMED },
    ["mtls", ca, NAMED.keyFile, "kept"],
  ],
  [
    "a named pair and the system's store",
    [],
    { client: NAMED, system: true },
    ["mtls", "system", NAMED.keyFile, "not kept"],
  ],
  ["a named pair and nothing to verify by", [], { client: NAMED }, ["files.missing", ca]],
  [
    "a found pair and the system's store",
    [crt, key],
    { system: true },
    ["mtls", "system", key, "kept"],
  ],
  [
    "settings go on where found files switched it on",
    [],
    { system: true, switchedOn: "tls" },
    ["tls", "system", "none", "not kept"],
  ],
];

describe("what files switch on (SW-5, SW-6, SW-7, SWP-1)", () => {
  for (const [what, present, settings, expected] of TABLE) {
    it(what, () => assert.deepEqual(outcome(present, settings), expected));
  }

  it("pins are handed on", () => {
    assert.deepEqual(plan([ca], { pins: [PIN] })?.pins, [PIN]);
  });

  it("no set of files and no memory gives less than was switched on", () => {
    const all = [ca, crt, pem, key];
    for (let bits = 0; bits < 2 ** all.length; bits += 1) {
      const present = all.filter((_, index) => (bits & (1 << index)) !== 0);
      for (const switchedOn of ["tls", "mtls"] as const) {
        const [result] = outcome(present, { switchedOn });
        const isFine = result === "mtls" || (result === "tls" && switchedOn === "tls");
        assert.ok(
          isFine || String(result).startsWith("files."),
          `${present.join()}: ${String(result)}`,
        );
      }
    }
  });
});
