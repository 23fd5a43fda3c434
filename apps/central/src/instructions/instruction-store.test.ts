import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { importPublicKey, keyId, verifyMessage } from "@tautline/pki";
import {
  decodeInstruction,
  decodeSignedInstruction,
  type Instruction,
  INSTRUCTION_CONTEXT,
  judgeInstruction,
} from "@tautline/protocol";
import { withTempFolder } from "@tautline/testing";
import { type Core, joinNew, openCore, withCore } from "../fixture-core.test.ts";
import type { Receipt } from "./instruction-store.ts";

const digest = randomBytes(32);
const LIFETIME_MS = 15 * 60_000;

const issue = (core: Core, agentId: string): Promise<Uint8Array> =>
  core.instructions.issue({ agentId, namespace: "default", kind: "settings", digest });

/** Reads an instruction as an agent does, which refuses any signature but the instructor's. */
function read(core: Core, signed: Uint8Array): Instruction {
  const envelope = decodeSignedInstruction(signed);
  const key = importPublicKey(core.instructor.publicKeyPem);
  assert.ok(Buffer.from(envelope.keyId).equals(keyId(key)));
  const { instruction, signature } = envelope;
  assert.ok(verifyMessage(key, INSTRUCTION_CONTEXT, instruction, signature));
  return decodeInstruction(instruction);
}

const outcomes = async (core: Core): Promise<string[]> => {
  const rows = await core.store.read((db) =>
    db.selectFrom("instructions").selectAll().orderBy("seq").execute(),
  );
  return rows.map(({ seq, outcome, code }) => `${seq} ${outcome} ${code}`.trimEnd());
};

async function settle(core: Core, agentId: string, receipt: Partial<Receipt>): Promise<void> {
  await core.instructions.settle({ agentId, epoch: 1, seq: 1n, code: "", ...receipt });
}

/** Actions that concern instructions, after the first `skip` entries. */
async function trail(core: Core): Promise<string[]> {
  const entries = await core.audit.list({ limit: 1_000 });
  return entries
    .filter(({ action }) => action.startsWith("instruction."))
    .map(({ action, detail }) =>
      `${action} ${detail?.["seq"]} ${detail?.["code"] ?? ""}`.trimEnd(),
    );
}

describe("InstructionStore.issue", () => {
  it("signs an instruction that its agent accepts, for it alone, for its lifetime alone", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      const instruction = read(core, await issue(core, id));
      assert.deepEqual([instruction.agentId, instruction.namespace], [id, "default"]);
      assert.deepEqual([instruction.seq, instruction.signerEpoch], [1n, 1]);
      assert.ok(digest.equals(instruction.digest));
      const state = {
        agentId: id,
        namespace: "default",
        knownEpoch: 1,
        lastEpoch: 1,
        lastSeq: 0n,
        nowMs: core.clock.now(),
        allowedKinds: new Set(["settings"]),
      };
      assert.equal(judgeInstruction(instruction, state).accept, true);
      const late = { ...state, nowMs: core.clock.now() + LIFETIME_MS * 2 };
      assert.equal(judgeInstruction(instruction, late).accept, false);
      const other = { ...state, agentId: (await joinNew(core)).id };
      assert.equal(judgeInstruction(instruction, other).accept, false);
    }));

  it("counts for each agent by itself, and never gives a number twice, also when asked at once", () =>
    withCore(async (core) => {
      const one = await joinNew(core);
      const other = await joinNew(core);
      const signed = await Promise.all(Array.from({ length: 10 }, () => issue(core, one.id)));
      const seqs = signed.map((each) => read(core, each).seq).toSorted((a, b) => Number(a - b));
      assert.deepEqual(
        seqs,
        Array.from({ length: 10 }, (_, at) => BigInt(at + 1)),
      );
      assert.equal(read(core, await issue(core, other.id)).seq, 1n);
    }));

  it("goes on counting with the same key after a restart", () =>
    withTempFolder(async (folder) => {
      const core = await openCore(folder);
      const { id } = await joinNew(core);
      await issue(core, id);
      const { publicKeyPem } = core.instructor;
      await core.close();
      const restarted = await openCore(folder);
      assert.equal(restarted.instructor.publicKeyPem, publicKeyPem);
      assert.equal(read(restarted, await issue(restarted, id)).seq, 2n);
      await restarted.close();
    }));

  it("audits what it issued in the same transaction: an agent that is not there gets neither", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      await issue(core, id);
      assert.deepEqual(await trail(core), ["instruction.issued 1"]);
      await assert.rejects(issue(core, "0190a000-0000-7000-8000-00000000dead"));
      assert.deepEqual(await trail(core), ["instruction.issued 1"]);
      assert.deepEqual(await outcomes(core), ["1 issued"]);
    }));
});

describe("InstructionStore.settle", () => {
  it("records the first receipt, audited, and lets nobody take his word back", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      await issue(core, id);
      await issue(core, id);
      await settle(core, id, { seq: 1n });
      await settle(core, id, { seq: 2n, code: "instruction.expired" });
      const settled = ["1 carried out", "2 refused instruction.expired"];
      assert.deepEqual(await outcomes(core), settled);
      const before = await trail(core);
      assert.deepEqual(before.slice(2), [
        "instruction.carried-out 1",
        "instruction.refused 2 instruction.expired",
      ]);
      for (const code of ["", "instruction.replayed"]) {
        await settle(core, id, { seq: 1n, code });
        await settle(core, id, { seq: 2n, code });
      }
      assert.deepEqual(await outcomes(core), settled);
      assert.deepEqual(await trail(core), before);
    }));

  it("A11: takes no agent's word for another's instruction", () =>
    withCore(async (core) => {
      const one = await joinNew(core);
      const other = await joinNew(core);
      await issue(core, one.id);
      await settle(core, other.id, { seq: 1n });
      assert.deepEqual(await outcomes(core), ["1 issued"]);
      assert.deepEqual((await trail(core)).at(-1), "instruction.unknown 1");
    }));

  it("audits receipts of what was never issued, the same of the same agent once a minute", () =>
    withCore(async (core) => {
      const { id } = await joinNew(core);
      const invented: Partial<Receipt>[] = [
        { seq: 9n },
        { epoch: 7, seq: 1n },
        { seq: 2n ** 63n },
        { epoch: 0, seq: 0n, code: "instruction.unsigned" },
        { seq: 3n, code: "instruction.bad_signature" },
        { seq: 4n, code: "made.up_one" },
        { seq: 5n, code: "made.up_two" },
      ];
      for (let round = 0; round < 3; round += 1) {
        for (const receipt of invented) await settle(core, id, receipt);
      }
      const once = [
        "instruction.unknown 9",
        "instruction.refused 0 instruction.unsigned",
        "instruction.refused 3 instruction.bad_signature",
      ];
      assert.deepEqual(await trail(core), once);
      core.clock.advance(60_000);
      await settle(core, id, { seq: 2n ** 63n });
      assert.deepEqual(await trail(core), [...once, `instruction.unknown ${2n ** 63n}`]);
      assert.deepEqual(await outcomes(core), []);
    }));
});
