import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decideLink } from "./compatibility.ts";
import { type Level, LEVELS } from "./level.ts";
import { explainMismatch } from "./mismatch.ts";
import type { PeerOffer } from "./offer.ts";

const offer = (version: string, ...levels: readonly Level[]): PeerOffer => ({ version, levels });

test("two ends with a level in common have nothing to explain", () => {
  assert.equal(explainMismatch(offer("0.1.0", "mtls"), offer("0.1.0", "tls", "mtls")), undefined);
});

test("OVP-1: both offers are named, and the setting to change at each end", () => {
  assert.deepEqual(explainMismatch(offer("0.1.0", "basic"), offer("0.2.0", "tls", "mtls")), {
    reason:
      "The agent (version 0.1.0) offers basic, central (version 0.2.0) offers tls, mtls: no level in common.",
    remedy:
      "Set central.level to tls or mtls in the agent's agent.yaml, or let central accept basic " +
      "(agents.levels in central.yaml, or 'tautline listeners set agents --levels').",
  });
});

test("OVP-1: plaintext is opened at a port of its own", () => {
  const { remedy } = explainMismatch(offer("0.1.0", "plaintext"), offer("0.1.0", "mtls")) ?? {};
  assert.match(
    remedy ?? "",
    /or open central's plaintext port \(plaintext\.bind in central\.yaml, or 'tautline listeners set plaintext --bind public'\)\.$/,
  );
});

test("OV-2, OV-3: an end that is too old is told the version to upgrade to, not a setting it does not have", () => {
  const old = offer("4.46", "plaintext");
  const { remedy } = explainMismatch(old, offer("0.1.0", "basic", "advanced")) ?? {};
  assert.match(
    remedy ?? "",
    /^Upgrade the agent to >= 4\.47 for basic, or upgrade the agent to >= 4\.50 for advanced, or open central's/,
  );
  const between = explainMismatch(
    offer("4.49.3", "plaintext"),
    offer("0.1.0", "basic", "advanced"),
  );
  assert.match(between?.remedy ?? "", /^Set central\.level to basic .* >= 4\.50 for advanced/);
  const central = explainMismatch(offer("0.1.0", "advanced"), offer("4.49", "basic"));
  assert.match(central?.remedy ?? "", /upgrade central to >= 4\.50 for advanced\.$/);
});

test("where a version is in no table, that is said and nothing is guessed", () => {
  const { remedy } = explainMismatch(offer("9.9", "plaintext"), offer("0.1.0", "mtls")) ?? {};
  assert.match(remedy ?? "", /\(whether version 9\.9 knows mtls is not known\)/);
});

test("ends that offer nothing are told to set something", () => {
  const nothing = explainMismatch(offer("0.1.0"), offer("0.1.0"));
  assert.match(nothing?.reason ?? "", /offers no level, central .* offers no level/);
  assert.equal(nothing?.remedy, "Set at least one level at each end.");
});

test("OV-20: an explanation is given exactly where no level is decided on, with a way out for whoever offers anything", () => {
  const versions = fc.constantFrom("0.1.0", "0.0.1", "4.46", "4.48", "4.50", "9.9", "nightly");
  const levels = fc.subarray([...LEVELS]);
  const offers = fc.record({ version: versions, levels });
  fc.assert(
    fc.property(offers, offers, (agent, central) => {
      const explained = explainMismatch(agent, central);
      const { ok } = decideLink(agent, central, { offMeetsBasic: "require" });
      assert.equal(explained === undefined, ok);
      if (explained === undefined) return;
      assert.match(explained.remedy, /^[SLUO].*\.$/);
      for (const level of [...agent.levels, ...central.levels]) {
        assert.ok(explained.reason.includes(level));
      }
    }),
  );
});
