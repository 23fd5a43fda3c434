import { encodeInstruction, ERROR_CATALOGUE, type Level } from "@tautline/protocol";
import { recordEnd, recordOffer } from "../addresses/address-record.ts";
import type { WantedAddresses } from "../addresses/wanted-addresses.ts";
import type { AuditEvent } from "../audit/audit-event.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import { createQuietPeriod, type QuietPeriod } from "../audit/quiet-period.ts";
import { recordMoveEnd, recordMoveOffer } from "../moves/move-record.ts";
import type { Store, Writer } from "../store/store.ts";
import type { Instructor } from "./instructor.ts";

/** What an agent shall do: the kind, and the SHA-256 of what comes with it. */
export interface InstructionOrder {
  readonly agentId: string;
  readonly namespace: string;
  readonly kind: string;
  readonly digest: Uint8Array;
  /** Central's addresses, of kind "addresses" only: they travel in the envelope. */
  readonly addresses?: Pick<WantedAddresses, "addresses" | "subject">;
  /** The level to climb to, of kind "level" only. */
  readonly move?: { readonly level: Level; readonly subject: Uint8Array };
}

/** What an agent said it did with an instruction; an empty code means carried out. */
export interface Receipt {
  readonly agentId: string;
  readonly epoch: number;
  readonly seq: bigint;
  readonly code: string;
  /** A sentence of the agent's. */
  readonly text?: string;
}

/** Signed instructions, numbered per agent, and what became of them. */
export interface InstructionStore {
  /** Numbers, signs and records an instruction; it is on the disk before it is returned, so no number is used twice. */
  issue(order: InstructionOrder): Promise<Uint8Array>;
  /**
   * Records an agent's receipt. The first one counts: an agent cannot take its word back. A receipt of what was never issued
   * (unsigned, foreign or invented) changes nothing and is audited, the same of the same agent once a minute.
   *
   * @returns the instruction that it settled, if it did; its digest in hex
   */
  settle(receipt: Receipt): Promise<{ readonly kind: string; readonly digest: string } | undefined>;
}

/** What instructions need. */
export interface InstructionDeps {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly instructor: Instructor;
  readonly lifetimeMs: number;
  readonly now: () => number;
}

/** Beyond this no number was ever given, and the database could not look for it. */
const LARGEST_SEQ = BigInt(Number.MAX_SAFE_INTEGER);
const QUIET_MS = 60_000;
const MAX_REMEMBERED = 10_000;

/**
 * Opens the instructions of a store.
 *
 * @param deps store, trail, signing key and clock
 */
export function createInstructionStore(deps: InstructionDeps): InstructionStore {
  const { now } = deps;
  const unknown = createQuietPeriod({ quietMs: QUIET_MS, maxKeys: MAX_REMEMBERED, now });
  return {
    issue: (order) => issue(deps, order),
    settle: (receipt) => settle(deps, unknown, receipt),
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
    await recordOffers(trx, order, { hash: hex, seq, atMs: createdMs });
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
    return deps.instructor.sign(
      encodeInstruction(instruction),
      (order.addresses ?? order.move)?.subject,
    );
  });
}

/** What is offered beside settings is recorded of the agent, too. */
async function recordOffers(
  trx: Writer,
  { agentId, addresses: where, move }: InstructionOrder,
  made: { readonly hash: string; readonly seq: number; readonly atMs: number },
): Promise<void> {
  const { hash, seq, atMs } = made;
  if (where !== undefined) {
    await recordOffer(trx, { agentId, hash, addresses: where.addresses, atMs });
  }
  if (move !== undefined) await recordMoveOffer(trx, { agentId, level: move.level, seq, atMs });
}

async function settle(
  { store, audit, now }: InstructionDeps,
  unknown: QuietPeriod,
  receipt: Receipt,
): ReturnType<InstructionStore["settle"]> {
  const { agentId, epoch, code, text = "" } = receipt;
  const seq = receipt.seq <= LARGEST_SEQ ? Number(receipt.seq) : -1;
  const outcome = code === "" ? "carried out" : "refused";
  return store.write(async (trx) => {
    const issued = await trx
      .selectFrom("instructions")
      .select(["outcome", "kind", "digest"])
      .where("agent_id", "=", agentId)
      .where("epoch", "=", epoch)
      .where("seq", "=", seq)
      .executeTakeFirst();
    if (issued === undefined) {
      // Any text in the form of a code may come; only those that exist are told apart.
      const known = Object.hasOwn(ERROR_CATALOGUE, code) ? code : "";
      if (unknown.isNews(`${agentId} ${known}`))
        await audit.append(trx, receiptEvent(receipt, true));
      return undefined;
    }
    if (issued.outcome !== "issued") return undefined;
    await trx
      .updateTable("instructions")
      .set({ outcome, code })
      .where("agent_id", "=", agentId)
      .where("epoch", "=", epoch)
      .where("seq", "=", seq)
      .execute();
    const { kind, digest } = issued;
    const end = { agentId, code, text, atMs: now() };
    if (kind === "addresses") await recordEnd(trx, { ...end, hash: digest });
    if (kind === "level") await recordMoveEnd(trx, { ...end, seq });
    await audit.append(trx, receiptEvent(receipt, false));
    return { kind, digest };
  });
}

function receiptEvent({ agentId, epoch, seq, code }: Receipt, isUnknown: boolean): AuditEvent {
  const who = `agent:${agentId}`;
  const detail = { epoch, seq: seq <= LARGEST_SEQ ? Number(seq) : String(seq), code };
  const carriedOut = isUnknown ? "instruction.unknown" : "instruction.carried-out";
  const action = code === "" ? carriedOut : "instruction.refused";
  return { action, actor: who, subject: who, detail };
}
