import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import {
  sampleAsking,
  sampleCandidate,
  sampleCommitted,
  sampleGranted,
  sampleJoining,
  sampleMoving,
  samplePending,
} from "../../test/sample-states.ts";
import { openQuickVault } from "../../test/quick-vault.ts";
import type { AgentState } from "./agent-state.ts";
import { joinState, splitState } from "./settings-document.ts";
import { loadSettings, readOpenSettings, saveSettings } from "./settings-file.ts";

const STATES: readonly AgentState[] = [
  sampleJoining,
  samplePending,
  sampleCandidate,
  sampleCommitted,
  sampleAsking,
  sampleGranted,
  sampleMoving,
  { ...sampleCommitted, provenLevel: "mtls" as const },
  {
    ...sampleCommitted,
    levelMove: { level: "tls" as const, addresses: ["a.example:1"], epoch: 3, seq: 11n },
    climbed: { level: "basic" as const, addresses: [], by: "rescue" as const },
  },
  {
    ...sampleCommitted,
    last: {
      epoch: 3,
      seq: 2n ** 63n,
      configHash: "ab".repeat(32),
      settings: { heartbeatSeconds: 5, logLevel: "debug", labels: { site: "berlin" } },
    },
  },
];

const isDamaged = (error: unknown): boolean =>
  isTautlineError(error) &&
  error.code === "agent.settings_damaged" &&
  error.message.includes("settings.json");

test("every state comes back as it was written, its secrets never stand in clear", async () => {
  const vault = await openQuickVault();
  await withTempFolder((folder) => {
    const file = join(folder, "settings.json");
    for (const state of STATES) {
      saveSettings(file, vault, state);
      assert.deepEqual(loadSettings(file, vault), state);
      const text = readFileSync(file, "utf8");
      for (const secret of ["PRIVATE", "c2VjcmV0LW9mLXRoZS10b2tlbg"]) {
        assert.ok(!text.includes(secret));
        assert.ok(!text.includes(Buffer.from(secret).toString("base64url")));
      }
    }
  });
});

test("no file is no state; what it says in clear is readable without the vault", async () => {
  const vault = await openQuickVault();
  await withTempFolder((folder) => {
    const file = join(folder, "settings.json");
    assert.equal(loadSettings(file, vault), undefined);
    assert.equal(readOpenSettings(file), undefined);
    saveSettings(file, vault, sampleCandidate);
    const open = readOpenSettings(file);
    assert.equal(open?.state, "candidate");
    assert.equal(open?.agentId, sampleCandidate.agentId);
  });
});

test("A14: the file is 0600 under umask 0, and one that others may read is refused", async () => {
  const vault = await openQuickVault();
  const before = process.umask(0);
  try {
    await withTempFolder((folder) => {
      const file = join(folder, "settings.json");
      saveSettings(file, vault, sampleCommitted);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.deepEqual(readdirSync(folder), ["settings.json"]);
      chmodSync(file, 0o644);
      assert.throws(
        () => loadSettings(file, vault),
        (error) => isTautlineError(error) && error.code === "vault.file_unsafe",
      );
    });
  } finally {
    process.umask(before);
  }
});

test("F12: one flipped bit, anywhere in the file, is found and named, and the file is left as it is", async () => {
  const vault = await openQuickVault();
  await withTempFolder((folder) => {
    const file = join(folder, "settings.json");
    saveSettings(file, vault, sampleCommitted);
    const good = readFileSync(file);
    // Every 31st bit keeps this quick and still lands in every field, at every place of a byte.
    for (let bit = 0; bit < good.length * 8; bit += 31) {
      const bad = Buffer.from(good);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(file, bad);
      // White space between the parts carries no meaning; a changed space that is still white space is no change.
      if (sameMeaning(bad, good)) continue;
      assert.throws(() => loadSettings(file, vault), isDamaged, `bit ${bit}`);
      assert.deepEqual(readFileSync(file), bad);
    }
  });
});

test("a secret of another agent, or of another field, does not fit", async () => {
  const vault = await openQuickVault();
  await withTempFolder((folder) => {
    const file = join(folder, "settings.json");
    saveSettings(file, vault, sampleCommitted);
    const document = JSON.parse(readFileSync(file, "utf8")) as {
      sealed: { clientKey: string; serverKey: string };
      open: { agentId: string };
    };
    const { clientKey, serverKey } = document.sealed;
    const swapped = { ...document, sealed: { clientKey: serverKey, serverKey: clientKey } };
    writeFileSync(file, JSON.stringify(swapped));
    assert.throws(() => loadSettings(file, vault), isDamaged);
    const renamed = { ...document, open: { ...document.open, name: "somebody else" } };
    writeFileSync(file, JSON.stringify(renamed));
    assert.throws(() => loadSettings(file, vault), isDamaged);
  });
});

test("an unknown key, a newer format, endless text and no JSON at all are refused, each by name", async () => {
  const vault = await openQuickVault();
  await withTempFolder((folder) => {
    const file = join(folder, "settings.json");
    saveSettings(file, vault, sampleCommitted);
    const good = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    const texts = [
      "",
      "{",
      "[]",
      JSON.stringify({ ...good, extra: 1 }),
      JSON.stringify({ ...good, format: 2 }),
    ];
    for (const text of texts) {
      writeFileSync(file, text, { mode: 0o600 });
      assert.throws(() => loadSettings(file, vault), isDamaged, text.slice(0, 20));
      assert.throws(() => readOpenSettings(file), isDamaged);
    }
    writeFileSync(file, " ".repeat(512 * 1024 + 1));
    assert.throws(
      () => loadSettings(file, vault),
      (error) => isTautlineError(error) && error.code === "vault.file_unsafe",
    );
  });
});

function sameMeaning(a: Buffer, b: Buffer): boolean {
  try {
    return (
      JSON.stringify(JSON.parse(a.toString("utf8"))) ===
      JSON.stringify(JSON.parse(b.toString("utf8")))
    );
  } catch {
    return false;
  }
}

test("a state from before identities were renewed is read, and is due at once", () => {
  const { open, secrets } = splitState(sampleCommitted);
  const { renewal: _, ...before } = sampleCommitted;
  const { renewal: __, ...openBefore } = open as Extract<typeof open, { state: "committed" }>;
  const renewal = { counter: 0n, askedCounter: 0n, made: 0, renewAtMs: 0 };
  assert.deepEqual(joinState(openBefore, secrets), { ...before, renewal });
});
