import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Level } from "@tautline/protocol";
import { createLiveLinks } from "../control/live-links.ts";
import { recordingLog } from "../control/fixture-messages.test.ts";
import { withCore } from "../fixture-core.test.ts";
import { AGENT_A, openLink, startProcess } from "./fixture-keys.test.ts";
import { noteKeyUse } from "./note-key-use.ts";

function noted(level: Level, keyId: string | null): string {
  const seen: string[] = [];
  const keys = {
    noteUse: (key: { name: string; version: number }, use: { agentId: string; level: string }) =>
      void seen.push(`${use.agentId} ${key.name} ${key.version} ${use.level}`),
  };
  noteKeyUse(keys, { agentId: "a", remoteAddress: "::1", evidence: { level, keyId } });
  return seen.join();
}

const TABLE: [level: Level, keyId: string | null, noted: string][] = [
  ["basic", "site-3#2", "a site-3 2 basic"],
  ["advanced", "site-3#1", "a site-3 1 advanced"],
  ["mtls", null, ""],
  ["plaintext", null, ""],
  ["mtls", "site-3#1", ""],
  ["basic", "site-3", ""],
  ["basic", "Site 3#1", ""],
];

describe("the use of a key by an answered link", () => {
  for (const [level, keyId, expected] of TABLE) {
    it(`at ${level} with ${keyId ?? "no key"}: ${expected || "nothing to note"}`, () =>
      assert.equal(noted(level, keyId), expected));
  }

  it("is noted with each message that was answered", () =>
    withCore(async (core) => {
      const here = await startProcess(core);
      await here.keys.create({
        name: "site-3",
        namespace: "default",
        value: "x",
        actor: "operator:ana",
      });
      const { agents, links, metrics, clock } = core;
      const { recorder: history } = core.history;
      const parts = { agents, links, history, metrics, log: recordingLog([]), now: clock.now };
      const live = createLiveLinks({ ...parts, keys: here.ring });
      openLink(here, "site-3#1");
      const [link] = here.links;
      assert.ok(link);
      live.noteMessage(link);
      const { uses } = await here.keys.page("site-3");
      assert.deepEqual(
        uses.map(({ agent, version, level }) => [agent, version, level]),
        [[AGENT_A, 1, "basic"]],
      );
    }));
});
