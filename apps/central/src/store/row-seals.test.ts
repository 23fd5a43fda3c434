import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { isTautlineError } from "@tautline/protocol";
import { createSeededRandom, withTempFolder } from "@tautline/testing";
import { refusalOf } from "../fixture-checks.test.ts";
import { joinNew, openCore } from "../fixture-core.test.ts";
import { openStore } from "./store.ts";

/** A database with some of everything that is sealed; gives its path. */
async function fill(folder: string): Promise<string> {
  const core = await openCore(folder);
  await core.namespaces.create("plant", "operator:local");
  for (let joined = 0; joined < 3; joined += 1) await joinNew(core);
  await core.close();
  return join(folder, "central.db");
}

/** Changes the file behind central's back. */
function tamper(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  try {
    db.exec(sql);
  } finally {
    db.close();
  }
}

const CHANGES: [what: string, table: string, sql: string][] = [
  ["a revoked agent made active", "agents", "UPDATE agents SET state = 'revoked' WHERE rowid = 1"],
  [
    "a certificate's revocation",
    "certificates",
    "UPDATE certificates SET revoked_at = 1 WHERE rowid = 2",
  ],
  ["another pin", "agents", "UPDATE agents SET client_pin = server_pin WHERE rowid = 1"],
  ["one more use of a token", "tokens", "UPDATE tokens SET uses_allowed = uses_allowed + 1"],
  ["a token that lives longer", "tokens", "UPDATE tokens SET expires_at = expires_at + 1"],
  ["a namespace taken out", "namespaces", "DELETE FROM namespaces WHERE name = 'plant'"],
  ["a setting put in", "settings", "INSERT INTO settings VALUES ('', 'agents.x', '1', 1)"],
  [
    "a root replaced",
    "authorities",
    "UPDATE authorities SET certificate_pem = certificate_pem || ' '",
  ],
  ["rows swapped", "agents", "UPDATE agents SET name = id"],
  ["a seal taken out", "tokens", "DELETE FROM meta WHERE key = 'seal tokens'"],
];

describe("F12: what decides who may do what is sealed by table", () => {
  for (const [what, table, sql] of CHANGES) {
    it(`${what} behind central's back is found at the next start, by file and table`, () =>
      withTempFolder(async (folder) => {
        const file = await fill(folder);
        tamper(file, sql);
        const { detail } = await refusalOf(openStore(file), "store.damaged");
        assert.equal(detail["file"], file);
        assert.match(String(detail["reason"]), new RegExp(`'${table}'`));
      }));
  }

  it("every change that central makes itself is in the seal, over many starts", () =>
    withTempFolder(async (folder) => {
      for (let start = 0; start < 3; start += 1) await fill2(folder, start);
      await (await openStore(join(folder, "central.db"))).close();
    }));

  it("a transaction that is rolled back leaves the seal as it was", () =>
    withTempFolder(async (folder) => {
      const file = await fill(folder);
      const store = await openStore(file);
      const failure = new Error("called off");
      const work = store.write(async (trx) => {
        await trx.updateTable("agents").set({ state: "revoked" }).execute();
        throw failure;
      });
      await assert.rejects(work, failure);
      await store.close();
      await (await openStore(file)).close();
    }));

  it("what agents report is not in it: nothing is decided by that", () =>
    withTempFolder(async (folder) => {
      const file = await fill(folder);
      tamper(file, "UPDATE agents SET version = 'other', last_seen_at = 7");
      await (await openStore(file)).close();
    }));

  it("a database of a version without seals is sealed as it is found", () =>
    withTempFolder(async (folder) => {
      const file = await fill(folder);
      tamper(file, "DELETE FROM meta WHERE key LIKE 'seal%'");
      await (await openStore(file)).close();
      tamper(file, "UPDATE agents SET state = 'revoked'");
      await refusalOf(openStore(file), "store.damaged");
    }));

  it("one bit anywhere in the file is found, or is in what is not sealed, or changes nothing", () =>
    withTempFolder(async (folder) => {
      const file = await fill(folder);
      const whole = readFileSync(file);
      const before = sealedContent(file);
      const { float } = createSeededRandom("F12");
      const seen = { found: 0, harmless: 0 };
      for (let round = 0; round < 300; round += 1) {
        const bytes = Buffer.from(whole);
        const at = Math.floor(float() * bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(float() * 8));
        writeFileSync(file, bytes);
        const error = await openStore(file).then(
          (store) => store.close(),
          (thrown: unknown) => thrown,
        );
        if (error === undefined) {
          assert.equal(sealedContent(file), before, `byte ${at} was served`);
          seen.harmless += 1;
        } else {
          assert.ok(isTautlineError(error), "no error of ours");
          assert.ok(FOUND.has(error.code), error.code);
          assert.equal(error.detail["file"], file);
          seen.found += 1;
        }
      }
      assert.ok(seen.found > 0 && seen.harmless > 0, JSON.stringify(seen));
    }));
});

/** Damage is named as damage, or as a schema that is none of ours; never as a lock or a full disk. */
const FOUND = new Set(["store.damaged", "store.newer_schema", "store.failed"]);

/** A start in which something of everything changes. */
async function fill2(folder: string, start: number): Promise<void> {
  const core = await openCore(folder);
  const { id } = await joinNew(core);
  await core.agents.activate(id);
  await core.agents.saveStatus(id, { version: `1.${start}` });
  await core.namespaces.create(`plant-${start}`, "operator:local");
  if (start > 0) await core.agents.revoke(id, "operator:local");
  await core.close();
}

/** All that a seal covers, as text. */
function sealedContent(file: string): string {
  const db = new DatabaseSync(file);
  const all = (sql: string): unknown => db.prepare(sql).all();
  try {
    const agents =
      "SELECT id, namespace, name, state, client_pin, server_pin, renewal_counter FROM agents";
    const rest = ["certificates", "tokens", "operators", "settings", "namespaces", "authorities"];
    return JSON.stringify([all(agents), ...rest.map((table) => all(`SELECT * FROM ${table}`))]);
  } finally {
    db.close();
  }
}
