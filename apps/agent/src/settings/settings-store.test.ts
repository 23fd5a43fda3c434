import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { sampleIdentity, sampleJoining } from "../../test/sample-states.ts";
import { openQuickVault } from "../../test/quick-vault.ts";
import { openSettingsStore } from "./settings-store.ts";

const { agentId, name, keys, ticket } = sampleJoining;
const began = { kind: "began", agentId, name, keys, ticket } as const;
const granted = { kind: "granted", identity: sampleIdentity, name, renewAtMs: 9 } as const;

test("what was applied is what the next start finds, state by state", async () => {
  const vault = await openQuickVault();
  await withTempFolder((folder) => {
    const file = join(folder, "settings.json");
    const reopened = (): unknown => openSettingsStore(file, vault).state;
    const store = openSettingsStore(file, vault);
    assert.equal(store.state, undefined);
    assert.deepEqual(store.apply(began), reopened());
    assert.deepEqual(store.apply(granted), reopened());
    assert.deepEqual(store.apply({ kind: "proven" }), reopened());
    assert.deepEqual(store.state, reopened());
  });
});

test("an event out of order changes neither memory nor disk", async () => {
  const vault = await openQuickVault();
  await withTempFolder((folder) => {
    const file = join(folder, "settings.json");
    const store = openSettingsStore(file, vault);
    store.apply(began);
    const before = readFileSync(file);
    assert.throws(
      () => store.apply({ kind: "proven" }),
      (error) => isTautlineError(error) && error.code === "agent.out_of_order",
    );
    assert.equal(store.state?.state, "joining");
    assert.deepEqual(readFileSync(file), before);
  });
});

test("F11: a state that cannot be written does not come into force", async () => {
  const vault = await openQuickVault();
  await withTempFolder((folder) => {
    const lost = join(folder, "lost");
    mkdirSync(lost);
    const store = openSettingsStore(join(lost, "settings.json"), vault);
    store.apply(began);
    rmSync(lost, { recursive: true });
    assert.throws(
      () => store.apply(granted),
      (error) => isTautlineError(error) && error.code === "vault.file_failed",
    );
    assert.equal(store.state?.state, "joining");
  });
});
