import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importPublicKey, verifyMessage } from "@tautline/pki";
import { decodeSignedInstruction, INSTRUCTION_CONTEXT } from "@tautline/protocol";
import { refusalOf } from "../fixture-checks.test.ts";
import { withCore } from "../fixture-core.test.ts";
import { openInstructor } from "./instructor.ts";

describe("openInstructor", () => {
  it("makes one key, in the first epoch, and opens it again", () =>
    withCore(async (core) => {
      const { store, vault, clock } = core;
      const again = await openInstructor({ store, vault, now: clock.now });
      assert.equal(again.publicKeyPem, core.instructor.publicKeyPem);
      assert.equal(again.epoch, 1);
      const rows = await store.read((db) => db.selectFrom("instructors").select("epoch").execute());
      assert.equal(rows.length, 1);
    }));

  it("signs by a key that is no certificate's, for instructions and nothing else", () =>
    withCore(async (core) => {
      const message = Buffer.from("an instruction");
      const { instruction, signature } = decodeSignedInstruction(core.instructor.sign(message));
      assert.ok(message.equals(instruction));
      const key = importPublicKey(core.instructor.publicKeyPem);
      assert.equal(key.asymmetricKeyType, "ed25519");
      assert.equal(verifyMessage(key, INSTRUCTION_CONTEXT, message, signature), true);
      assert.equal(verifyMessage(key, "tautline/other/v1", message, signature), false);
      const other = Buffer.from("another instruction");
      assert.equal(verifyMessage(key, INSTRUCTION_CONTEXT, other, signature), false);
    }));

  it("F12: refuses a sealed key that was changed by a bit", () =>
    withCore(async (core) => {
      const { store, vault, clock } = core;
      await store.write(async (trx) => {
        const row = await trx.selectFrom("instructors").selectAll().executeTakeFirstOrThrow();
        const sealed = Buffer.from(row.sealed_key);
        sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
        await trx.updateTable("instructors").set({ sealed_key: sealed }).execute();
      });
      await refusalOf(openInstructor({ store, vault, now: clock.now }), "vault.field_damaged");
    }));
});
