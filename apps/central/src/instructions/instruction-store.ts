import { encodeInstruction } from "@tautline/protocol";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Store } from "../store/store.ts";
import type { Instructor } from "./instructor.ts";

/** What an agent shall do: the kind, and the SHA-256 of what comes with it. */
export interface InstructionOrder {
  readonly agentId: string;
  readonly namespace: string;
  readonly kind: string;
  readonly digest: Uint8Array;
}

/** What an agent said it did with an instruction; an empty code means carried out. */
export interface Receipt {
  readonly agentId: string;
  readonly epoch: number;
  readonly seq: bigint;
  readonly code: string;
}

/** Signed instructions, numbered per agent, and what became of them. */
export interface InstructionStore {
  /** Numbers, signs and records an instruction; it is on the disk before it is returned, so no number is used twice. */
  issue(order: InstructionOrder): Promise<Uint8Array>;
  /** Records an agent's receipt; receipts of instructions never issued are audited and change nothing. */
  settle(receipt: Receipt): Promise<void>;
}

export interface InstructionDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly instructor: Instructor;
  readonly lifetimeMs: number;
  readonly now: () => number;
}

/** Opens the instructions of a store. */
export function createInstructionStore(deps: InstructionDeps): InstructionStore {
  return {
    issue: (order) => issue(deps, order),
    settle: (receipt) => settle(deps, receipt),
  };
}

async function issue(deps: InstructionDeps, order: InstructionOrder): Promise<Uint8Array> {
  const { epoch } = deps.instructor;
  const createdMs = deps.now();
  const expiresMs = createdMs + deps.lifetimeMs;
  const { agentId, namespace, kind, digest } = order;
  return deps.store.write(async (trx) => {
    const { instruction_seq: seq } = await trx
      .updateTable("agents")
      .set((eb) => ({ instruction_seq: eb("instruction_seq", "+", 1) }))
      .where("id", "=", agentId)
      .returning("instruction_seq")
      .executeTakeFirstOrThrow();
    const hex = Buffer.from(digest).toString("hex");
    const times = { created_at: createdMs, expires_at: expiresMs };
    await trx
      .insertInto("instructions")
      .values({
        agent_id: agentId,
        epoch,
        seq,
        kind,
        digest: hex,
        ...times,
        outcome: "issued",
        code: "",
      })
      .execute();
    const subject = `agent:${agentId}`;
    const detail = { kind, epoch, seq, digest: hex };
    await deps.audit.append(trx, {
      action: "instruction.issued",
      actor: "central",
      subject,
      detail,
    });
    const instruction = {
      namespace,
      agentId,
      kind,
      seq: BigInt(seq),
      signerEpoch: epoch,
      createdMs,
      expiresMs,
      digest,
    };
    return deps.instructor.sign(encodeInstruction(instruction));
  });
}

async function settle(deps: InstructionDeps, receipt: Receipt): Promise<void> {
  const { agentId, epoch, code } = receipt;
  const seq = Number(receipt.seq);
  await deps.store.write(async (trx) => {
    const outcome = code === "" ? "carried out" : "refused";
    const settled = await trx
      .updateTable("instructions")
      .set({ outcome, code })
      .where("agent_id", "=", agentId)
      .where("epoch", "=", epoch)
      .where("seq", "=", seq)
      .where("outcome", "!=", outcome)
      .executeTakeFirst();
    // A repeated "carried out" says nothing new; a refusal is always worth an entry, also of an instruction we never issued.
    if (settled.numUpdatedRows === 0n && code === "") return;
    const who = `agent:${agentId}`;
    const action = code === "" ? "instruction.carried-out" : "instruction.refused";
    await deps.audit.append(trx, {
      action,
      actor: who,
      subject: who,
      detail: { epoch, seq, code },
    });
  });
}
