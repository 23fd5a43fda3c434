import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withTempFolder } from "@tautline/testing";
import {
  type Answers,
  type CommandResult,
  runLine,
  type SeenRequest,
  withFakeCentral,
} from "../test-world.ts";

const ONE = "0197d3b1-7c00-7abc-8def-0123456789ab";
const ALL = "/api/v1/policy/reopenings";

const reopening = {
  id: 3,
  from: ["192.0.2.0/24", "2001:db8:7::/48"],
  openedAt: "2026-11-22T10:03:15Z",
  openedBy: "operator:ana",
  until: "2026-11-22T12:03:15Z",
  endedAt: null,
  endedBy: "",
  told: 1,
};
const over = { ...reopening, id: 2, endedAt: "2026-11-22T09:03:15Z", endedBy: "central" };
const stopped = { ...over, id: 1, endedBy: "operator:ben", told: 0 };
const agents = [{ id: ONE, toldAt: "2026-11-22T10:04:00Z", address: "192.0.2.7" }];

type Asked = CommandResult & { readonly seen: readonly SeenRequest[] };

function ask(line: string, answers: Answers): Promise<Asked> {
  return withTempFolder((folder) =>
    withFakeCentral(folder, answers, async (seen) => ({
      ...(await runLine(`policy ${line} --data ${folder}`, folder)),
      seen: [...seen],
    })),
  );
}

describe("policy reopen", () => {
  it("A25: asks for ranges and a time, and says how to see and to end it", async () => {
    const answers = { [`POST ${ALL}`]: { status: 201, body: reopening } };
    const line = "reopen --from 192.0.2.0/24,2001:db8:7::/48 --for 2h";
    const { code, stdout, seen } = await ask(line, answers);
    assert.equal(code, 0);
    assert.deepEqual(seen[0]?.body, {
      from: ["192.0.2.0/24", "2001:db8:7::/48"],
      forMs: 7_200_000,
    });
    assert.match(
      stdout,
      /^Plaintext is open to 192\.0\.2\.0\/24, 2001:db8:7::\/48 until 2026-11-22T12:03:15Z, .*'tautline policy reopenings 3' .*'tautline policy end-reopening 3'/,
    );
    const json = await ask(`${line} --json`, answers);
    assert.deepEqual(JSON.parse(json.stdout), reopening);
  });

  it("needs both, and does not guess a time", async () => {
    for (const line of ["reopen", "reopen --from 192.0.2.0/24", "reopen --for 2h"]) {
      assert.equal((await ask(line, {})).code, 2, line);
    }
    assert.equal((await ask("reopen --from 192.0.2.0/24 --for long", {})).code, 2);
  });

  it("tells central's refusal", async () => {
    const problem = { code: "policy.source_range", title: "'x' is no range.", status: 400 };
    const answers = { [`POST ${ALL}`]: { status: 400, body: problem } };
    assert.equal((await ask("reopen --from x --for 2h", answers)).code, 1);
  });
});

describe("policy reopenings", () => {
  it("lists what is open, what has ended, and by whom", async () => {
    const answers = { [`GET ${ALL}`]: { body: { items: [reopening, over, stopped] } } };
    const { stdout } = await ask("reopenings", answers);
    assert.match(stdout, /^3 .* 2026-11-22T12:03:15Z \(in 2h\) +open +1 +operator:ana$/m);
    assert.match(stdout, /^2 .* ended at its deadline +1 /m);
    assert.match(stdout, /^1 .* ended by operator:ben +0 /m);
    const none = await ask("reopenings", { [`GET ${ALL}`]: { body: { items: [] } } });
    assert.match(none.stdout, /^Plaintext was never re-opened\./);
  });

  it("A25: shows of one whom it has told, where and when", async () => {
    const answers = { [`GET ${ALL}/3`]: { body: { ...reopening, agents } } };
    const { stdout } = await ask("reopenings 3", answers);
    assert.match(stdout, /^state +open$/m);
    assert.match(stdout, new RegExp(`^${ONE} +192\\.0\\.2\\.7 +2026-11-22T10:04:00Z$`, "m"));
    assert.doesNotMatch(stdout, /^ended/m);
    const nobody = { [`GET ${ALL}/2`]: { body: { ...over, agents: [] } } };
    const shown = await ask("reopenings 2", nobody);
    assert.match(shown.stdout, /^ended +2026-11-22T09:03:15Z \(1h ago\)$/m);
    assert.match(shown.stdout, /Nobody was told yet\./);
  });
});

describe("policy end-reopening", () => {
  it("ends one and says how many were told", async () => {
    const answers = { [`POST ${ALL}/3/end`]: { body: { ...reopening, endedBy: "operator:ana" } } };
    const { code, stdout } = await ask("end-reopening 3", answers);
    assert.equal(code, 0);
    assert.equal(
      stdout,
      "Re-opening 3 of plaintext has ended. Agents that were told where to join: 1.\n",
    );
    assert.equal((await ask("end-reopening", {})).code, 2);
  });
});
