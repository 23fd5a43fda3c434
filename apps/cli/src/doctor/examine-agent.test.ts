import assert from "node:assert/strict";
import { test } from "node:test";
import { withTempFolder } from "@tautline/testing";
import { TEST_NOW_MS } from "../test-world.ts";
import { examineAgent, judgeAgentStatus } from "./examine-agent.ts";

const HEALTHY = {
  running: true,
  central: { addresses: ["c:9150"], connected: true, lastAnswerAt: "2026-11-22T10:03:00Z" },
  vault: { source: "passphrase-file", strength: "strong" },
  certificates: [{ purpose: "client", serial: "0a", notAfter: "2026-11-23T10:00:00Z" }],
  errors: [],
};

const judge = (change: Record<string, unknown>): readonly string[] =>
  judgeAgentStatus({ ...HEALTHY, ...change }, "/data", TEST_NOW_MS).map(
    ({ severity, what }) => `${severity} ${what}`,
  );

test("an agent that runs, is connected and has a strong key source has no finding", () => {
  assert.deepEqual(judge({}), []);
});

test("each thing that is wrong is one finding", () => {
  const rows: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ running: false }, "error No agent is running"],
    [
      { central: { addresses: ["c:9150"], connected: false, lastAnswerAt: null } },
      "error The agent is not connected; central's last answer: never",
    ],
    [
      { central: { addresses: [], connected: false, lastAnswerAt: "2026-11-22T10:00:00Z" } },
      "error The agent is not connected; central's last answer: 2026-11-22T10:00:00Z (3m ago)",
    ],
    [
      { vault: { source: "key-file", strength: "weak" } },
      "warning The agent's vault has a weak key source: a key file beside the data it opens",
    ],
    [
      { certificates: [{ purpose: "server", serial: "0b", notAfter: "2026-11-22T10:00:00Z" }] },
      "error A certificate has expired: 2026-11-22T10:00:00Z (3m ago)",
    ],
    [
      {
        errors: [
          { at: "x", code: "a.b", text: "old" },
          { at: "y", code: "c.d", text: "new" },
        ],
      },
      "info The agent's last error: c.d: new",
    ],
  ];
  for (const [change, expected] of rows) assert.deepEqual(judge(change), [expected]);
});

test("a folder that holds no agent is an error with the next step", () =>
  withTempFolder(async (folder) => {
    const [finding] = await examineAgent(folder, { now: () => TEST_NOW_MS });
    assert.equal(finding?.severity, "error");
    assert.match(finding?.remedy ?? "", /tautline agent join/);
  }));
