import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { createFakeClock, withTempFolder } from "@tautline/testing";
import { GENESIS, verifyHashChain, type ChainedEntry } from "@tautline/vault";
import { openLocalAudit, type LocalAudit } from "./local-audit.ts";

const { now } = createFakeClock();

function entries(file: string): ChainedEntry[] {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as ChainedEntry);
}

function events(file: string): unknown[] {
  return entries(file).map(({ body }) => (JSON.parse(body) as { event: unknown }).event);
}

async function withTrail(use: (file: string) => void): Promise<void> {
  await withTempFolder((folder) => {
    const file = join(folder, "audit.jsonl");
    withAudit(file, (audit) => {
      audit.append("first", { code: "instruction.unsigned" });
      audit.append("second", { seq: "9" });
    });
    use(file);
  });
}

function withAudit<Result>(file: string, use: (audit: LocalAudit) => Result): Result {
  const audit = openLocalAudit(file, now);
  try {
    return use(audit);
  } finally {
    audit.close();
  }
}

test("entries hang together from the first on, over restarts, each with its time", async () => {
  await withTrail((file) => {
    withAudit(file, (audit) => {
      assert.equal(audit.finding, undefined);
      audit.append("third", {});
    });
    assert.deepEqual(verifyHashChain(entries(file)).ok, true);
    assert.equal(entries(file)[0]?.previous, GENESIS);
    const [first] = entries(file);
    assert.deepEqual(JSON.parse(first?.body ?? ""), {
      at: "2026-01-01T00:00:00.000Z",
      event: "first",
      code: "instruction.unsigned",
    });
    assert.deepEqual(events(file), ["first", "second", "third"]);
  });
});

test("A14: the trail is 0600 under umask 0, and one that stands open is closed", async () => {
  const before = process.umask(0);
  try {
    await withTrail((file) => {
      assert.equal(statSync(file).mode & 0o777, 0o600);
      chmodSync(file, 0o644);
      withAudit(file, () => assert.equal(statSync(file).mode & 0o777, 0o600));
    });
  } finally {
    process.umask(before);
  }
});

test("an entry torn by a crash is dropped and noted; the rest stays and goes on", async () => {
  await withTrail((file) => {
    appendFileSync(file, '{"previous":"00');
    withAudit(file, (audit) => {
      assert.equal(audit.finding, undefined);
      audit.append("after", {});
    });
    assert.deepEqual(events(file), ["first", "second", "audit.tail_dropped", "after"]);
    assert.equal(verifyHashChain(entries(file)).ok, true);
  });
});

const DAMAGES: [name: string, damage: (text: string) => string, at: number][] = [
  ["a changed word", (text) => text.replace("unsigned", "accepted"), 0],
  ["a missing first entry", (text) => text.slice(text.indexOf("\n") + 1), 0],
  ["swapped entries", (text) => `${text.trimEnd().split("\n").toReversed().join("\n")}\n`, 0],
  ["a doubled entry", (text) => text + text.slice(text.indexOf("\n") + 1), 2],
  ["a line that is no entry", (text) => `${text}{"no":"entry"}\n`, 2],
  ["a line that is no JSON", (text) => `${text}}}}\n`, 2],
];
for (const [name, damage, at] of DAMAGES) {
  test(`F12: ${name} is found; the damaged trail is kept aside and a new one begun`, async () => {
    await withTrail((file) => {
      const bad = damage(readFileSync(file, "utf8"));
      writeFileSync(file, bad);
      withAudit(file, ({ finding }) => {
        assert.equal(finding?.code, "agent.audit_damaged");
        assert.equal(finding.detail["at"], at);
        assert.equal(readFileSync(String(finding.detail["aside"]), "utf8"), bad);
      });
      assert.deepEqual(events(file), ["audit.set_aside"]);
      withAudit(file, ({ finding }) => assert.equal(finding, undefined));
    });
  });
}

test("a trail in a folder that is gone cannot be written", async () => {
  await withTempFolder((folder) => {
    assert.throws(
      () => openLocalAudit(join(folder, "gone", "audit.jsonl"), now),
      (error) => isTautlineError(error) && error.code === "agent.audit_unwritable",
    );
    assert.deepEqual(readdirSync(folder), []);
  });
});

test("what cannot be written leaves the trail as it was", async () => {
  await withTrail((file) => {
    const audit = openLocalAudit(file, now);
    audit.close();
    const before = readFileSync(file);
    assert.throws(
      () => audit.append("lost", {}),
      (error) => isTautlineError(error) && error.code === "agent.audit_unwritable",
    );
    assert.deepEqual(readFileSync(file), before);
  });
});
