import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseOperatorToken, type OperatorToken } from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { refusalOf } from "../fixture-checks.test.ts";
import { actionsOf, type Core, DAY_MS, openCore, withCore } from "../fixture-core.test.ts";
import { openOperators, type OperatorOrder, type OperatorStore } from "./operator-store.ts";
import { LOCAL_PRINCIPAL } from "./principal.ts";

const ANA: OperatorOrder = { name: "ana", role: "operator", namespace: "default", ttlMs: DAY_MS };

async function open(core: Core, ended: string[] = []): Promise<OperatorStore> {
  const { store, vault, audit, clock } = core;
  const onEnded = (name: string): void => void ended.push(name);
  return openOperators({ store, vault, audit, now: clock.now, onEnded });
}

async function make(operators: OperatorStore, order: OperatorOrder = ANA): Promise<OperatorToken> {
  const { token } = await operators.create(order, LOCAL_PRINCIPAL);
  const read = parseOperatorToken(token);
  assert.ok(read);
  return read;
}

const changed = ({ id, secret }: OperatorToken): OperatorToken => ({
  id,
  secret: Uint8Array.from(secret, (byte, at) => (at === 31 ? byte ^ 1 : byte)),
});

describe("operators", () => {
  it("a made operator is listed without its secret and proven by its token", () =>
    withCore(async (core) => {
      const operators = await open(core);
      const token = await make(operators);
      const principal = { name: "ana", role: "operator", namespace: "default" };
      assert.deepEqual(operators.prove(token), { ok: true, principal });
      const createdAt = new Date(core.clock.now()).toISOString();
      assert.deepEqual(operators.list(), [
        {
          ...principal,
          state: "active",
          tokenId: token.id,
          createdAt,
          createdBy: "operator:local",
          expiresAt: new Date(core.clock.now() + DAY_MS).toISOString(),
        },
      ]);
    }));

  it("neither the token nor the hash of its secret stands in the files", () =>
    withCore(async (core) => {
      const operators = await open(core);
      const { secret } = await make(operators);
      const files = ["central.db", "central.db-wal"].map((name) =>
        readFileSync(join(core.folder, name)),
      );
      const hash = (await import("node:crypto")).createHash("sha256").update(secret).digest();
      for (const needle of [Buffer.from(secret), hash, Buffer.from(hash.toString("hex"))]) {
        assert.equal(Buffer.concat(files).includes(needle), false);
      }
    }));

  it("an unknown id and a wrong secret are told apart by nobody", () =>
    withCore(async (core) => {
      const operators = await open(core);
      const token = await make(operators);
      const unknown = { ...token, id: "f".repeat(16) };
      for (const wrong of [unknown, changed(token), { ...token, secret: new Uint8Array(32) }]) {
        assert.deepEqual(operators.prove(wrong), { ok: false, known: undefined });
      }
    }));

  it("one operator's secret under another one's id is nobody's", () =>
    withCore(async (core) => {
      const operators = await open(core);
      const ana = await make(operators);
      const ben = await make(operators, { ...ANA, name: "ben", role: "admin", namespace: "" });
      assert.equal(operators.prove({ id: ben.id, secret: ana.secret }).ok, false);
    }));

  it("a token ends at its time, not a moment earlier", () =>
    withCore(async (core) => {
      const operators = await open(core);
      const token = await make(operators);
      core.clock.advance(DAY_MS - 1);
      assert.equal(operators.prove(token).ok, true);
      core.clock.advance(1);
      const proof = operators.prove(token);
      assert.ok(!proof.ok);
      assert.equal(proof.known?.name, "ana");
      assert.deepEqual(
        operators.list().map(({ state }) => state),
        ["expired"],
      );
    }));

  it("A5: a disabled operator's token is refused at once, and its connections are to be closed", () =>
    withCore(async (core) => {
      const ended: string[] = [];
      const operators = await open(core, ended);
      const token = await make(operators);
      await operators.disable("ana", LOCAL_PRINCIPAL);
      assert.equal(operators.prove(token).ok, false);
      assert.deepEqual(ended, ["ana"]);
      await operators.disable("ana", LOCAL_PRINCIPAL);
      const actions = await actionsOf(core);
      assert.equal(actions.filter((action) => action === "operator.disabled").length, 1);
    }));

  it("what was made and ended is still so after a restart", () =>
    withTempFolder(async (folder) => {
      const first = await openCore(folder);
      const operators = await open(first);
      const ana = await make(operators);
      const ben = await make(operators, { ...ANA, name: "ben" });
      await operators.disable("ben", LOCAL_PRINCIPAL);
      await first.close();
      const second = await openCore(folder);
      const again = await open(second);
      assert.equal(again.prove(ana).ok, true);
      assert.equal(again.prove(ben).ok, false);
      assert.deepEqual(
        again.list().map(({ name, state }) => [name, state]),
        [
          ["ana", "active"],
          ["ben", "disabled"],
        ],
      );
      await second.close();
    }));

  it("A20: no login touches the database; it may even be closed", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      const operators = await open(core);
      const token = await make(operators);
      await core.close();
      assert.equal(operators.prove(token).ok, true);
      assert.equal(operators.prove(changed(token)).ok, false);
    }));

  it("a name is given once, also after its operator's end: the trail must tell who did what", () =>
    withCore(async (core) => {
      const operators = await open(core);
      await make(operators);
      await refusalOf(operators.create(ANA, LOCAL_PRINCIPAL), "api.conflict");
      await operators.disable("ana", LOCAL_PRINCIPAL);
      await refusalOf(operators.create(ANA, LOCAL_PRINCIPAL), "api.conflict");
      assert.equal(operators.list().length, 1);
    }));

  it("an operator of a namespace that is not there is not made", () =>
    withCore(async (core) => {
      const operators = await open(core);
      const order = { ...ANA, namespace: "nowhere" };
      await refusalOf(operators.create(order, LOCAL_PRINCIPAL), "api.not_found");
      assert.deepEqual(operators.list(), []);
      assert.equal((await actionsOf(core)).includes("operator.created"), false);
    }));

  it("nobody disables itself, or somebody who is not there", () =>
    withCore(async (core) => {
      const operators = await open(core);
      await make(operators);
      const ana = { name: "ana", role: "admin", namespace: "" } as const;
      await refusalOf(operators.disable("ana", ana), "api.conflict");
      await refusalOf(operators.disable("ben", ana), "api.not_found");
      assert.equal(operators.namespaceOf("ana"), "default");
      assert.equal(operators.namespaceOf("ben"), undefined);
    }));

  it("a hash that was moved to another operator's row is damage, not a login", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      const operators = await open(core);
      await make(operators);
      await make(operators, { ...ANA, name: "ben", role: "admin" });
      await core.store.write(async (trx) => {
        const ana = await trx
          .selectFrom("operators")
          .select("sealed_secret_hash")
          .where("name", "=", "ana")
          .executeTakeFirstOrThrow();
        await trx.updateTable("operators").set(ana).where("name", "=", "ben").execute();
      });
      await refusalOf(open(core), "vault.field_damaged");
      await core.close();
    }));
});
