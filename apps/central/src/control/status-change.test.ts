import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  AgentToServerSchema,
  LIMITS,
  recordToAttributes,
  RemoteConfigStatuses,
} from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import { MAX_HASH_BYTES, statusChangeOf } from "./status-change.ts";

type Fields = Parameters<typeof create<typeof AgentToServerSchema>>[1];
const change = (fields: Fields) => statusChangeOf(create(AgentToServerSchema, fields));
const described = (
  identifying: Record<string, string>,
  others: Record<string, string> = {},
): Fields => ({
  agentDescription: {
    identifyingAttributes: recordToAttributes(identifying),
    nonIdentifyingAttributes: recordToAttributes(others),
  },
});

const versionOf = (text: string): string | undefined =>
  change(described({ "service.version": text })).version;
const hashOf = (length: number): string | null | undefined =>
  change({ remoteConfigStatus: { lastRemoteConfigHash: new Uint8Array(length) } }).config?.hash;

describe("statusChangeOf", () => {
  it("changes nothing by a message that says nothing", () => {
    assert.deepEqual(change({}), {});
  });

  it("takes attributes of both kinds, and the version from among them", () => {
    const { attributes, version } = change(
      described({ "service.name": "x", "service.version": "1.2.3" }, { "os.type": "linux" }),
    );
    assert.deepEqual(attributes, {
      "service.name": "x",
      "service.version": "1.2.3",
      "os.type": "linux",
    });
    assert.equal(version, "1.2.3");
    assert.deepEqual(change(described({ "service.name": "x" })), {
      attributes: { "service.name": "x" },
    });
  });

  it("bounds the version, and shows nothing of it that is not printable", () => {
    const limit = LIMITS.agentVersionCharacters.value;
    assert.equal(versionOf("v".repeat(limit)), "v".repeat(limit));
    assert.equal(versionOf("v".repeat(limit + 1)), `${"v".repeat(limit - 1)}…`);
    assert.equal(versionOf("1\n2\u202E"), "1\uFFFD2\uFFFD");
  });

  for (const key of ["__proto__", "constructor", "prototype", ""]) {
    it(`A19: refuses the attribute key '${key}' and changes no prototype`, async () => {
      for (const fields of [described({ [key]: "x" }), described({}, { [key]: "x" })]) {
        await refusalOf(() => change(fields), "opamp.malformed");
      }
      assert.equal("polluted" in {}, false);
      assert.equal(Object.getPrototypeOf({}), Object.prototype);
    });
  }

  it("takes health as it is said, bounded and printable", () => {
    const long = "x".repeat(LIMITS.wireTextCharacters.value + 1);
    const { health } = change({ health: { healthy: true, status: "a\u001b[2J", lastError: long } });
    assert.deepEqual([health?.["healthy"], health?.["status"]], [true, "a\uFFFD[2J"]);
    assert.equal(String(health?.["lastError"]).length, LIMITS.wireTextCharacters.value);
  });

  const { APPLIED, APPLYING, FAILED, UNSET } = RemoteConfigStatuses;
  for (const [status, said] of [
    [APPLIED, "applied"],
    [APPLYING, "applying"],
    [FAILED, "failed"],
    [UNSET, "unset"],
    [99, "unset"],
  ] as const) {
    it(`reads the status ${status} of a configuration as ${said}`, () => {
      const report = {
        lastRemoteConfigHash: Uint8Array.of(0xab, 1),
        status: status as typeof APPLIED,
        errorMessage: "no\nroom",
      };
      assert.deepEqual(change({ remoteConfigStatus: report }).config, {
        hash: "ab01",
        status: said,
        error: "no\uFFFDroom",
      });
    });
  }

  it("takes an empty hash for none: the agent was never given anything", () => {
    assert.equal(hashOf(0), null);
  });

  it("takes a hash at its limit and refuses one a byte over it", async () => {
    assert.equal(hashOf(MAX_HASH_BYTES)?.length, 2 * MAX_HASH_BYTES);
    await refusalOf(() => hashOf(MAX_HASH_BYTES + 1), "opamp.malformed");
  });
});
