import { randomBytes } from "node:crypto";
import { parseKeyName, TautlineError } from "@tautline/protocol";
import type { AuditAction } from "../audit/audit-event.ts";
import { dropClaimant } from "../receiver/claims/claimant-rows.ts";
import type { Writer } from "../store/store.ts";
import type {
  DeleteOrder,
  ExportedKey,
  KeyOrder,
  KeyStoreDeps,
  NewKeyVersion,
  StepOrder,
  VersionOrder,
} from "./key-orders.ts";
import { keyRow, takeVersion, versionRows } from "./key-rows.ts";
import { type NewKeyText, prepareKeyText } from "./key-text.ts";
import { readDependents } from "./key-views.ts";
import { sealedKeyPlace } from "./memory-ring.ts";
import { requireBindable, requireFreeName, requireNamespace } from "./new-key-rule.ts";
import { stepRotation, type VersionStanding } from "./rotation-rule.ts";

const ID_BYTES = 8;
/** A sentence lists no more agents than this; the page of the key lists them all. */
const AGENTS_NAMED = 5;

const STEP_ACTIONS: Readonly<Record<StepOrder["step"], AuditAction>> = {
  use: "key.switched",
  remove: "key.removed",
  undo: "key.withdrawn",
};

/** Makes a key with its first version. */
export async function createKey(deps: KeyStoreDeps, order: KeyOrder): Promise<NewKeyVersion> {
  const { namespace, agentId, actor } = order;
  const name = parseKeyName(order.name);
  const text = await prepareKeyText(order.value, { namespace, name });
  const id = randomBytes(ID_BYTES).toString("hex");
  return deps.store.write(async (trx) => {
    await requireNamespace(trx, namespace);
    await requireFreeName(trx, name);
    if (agentId !== undefined) await requireBindable(trx, agentId, namespace);
    const version = await takeVersion(trx, name);
    const row = { name, id, namespace, agent_id: agentId ?? null };
    await trx
      .insertInto("keys")
      .values({ ...row, created_at: deps.now(), created_by: actor })
      .execute();
    await insertVersion(deps, trx, { name, version, state: "current", text, actor });
    await deps.audit.append(trx, {
      action: "key.created",
      actor,
      subject: `key:${name}`,
      detail: { namespace, version, ...(agentId !== undefined && { agentId }), ...weak(text) },
    });
    return made(name, id, version, text);
  });
}

/** Makes the next version of a key, which opens links from now on. */
export async function installVersion(
  deps: KeyStoreDeps,
  { name, value, actor }: VersionOrder,
): Promise<NewKeyVersion> {
  const { id, namespace } = await deps.store.read((db) => keyRow(db, name));
  const text = await prepareKeyText(value, { namespace, name });
  return deps.store.write(async (trx) => {
    const key = await keyRow(trx, name);
    // Deleted and made again in between, perhaps elsewhere: the text was derived for another key.
    if (key.id !== id) throw notPossible(name, "it was made anew meanwhile");
    const version = await takeVersion(trx, name);
    decide(name, await versionRows(trx, name), "install", version);
    await insertVersion(deps, trx, { name, version, state: "next", text, actor });
    await deps.audit.append(trx, {
      action: "key.installed",
      actor,
      subject: `key:${name}`,
      detail: { version, ...weak(text) },
    });
    return made(name, id, version, text);
  });
}

/** Takes a version into use, removes the one before, or takes an installed one back. */
export async function stepKey(
  deps: KeyStoreDeps,
  { name, step, allowCutOff, actor }: StepOrder,
): Promise<void> {
  await deps.store.write(async (trx) => {
    await keyRow(trx, name);
    const { versions, ended } = decide(name, await versionRows(trx, name), step, 0);
    if (ended !== undefined) {
      await requireNobodyCutOff(trx, { name, version: ended, allowCutOff });
      await trx
        .deleteFrom("key_versions")
        .where("key_name", "=", name)
        .where("version", "=", ended)
        .execute();
    }
    for (const { version, state } of versions) {
      await trx
        .updateTable("key_versions")
        .set({ state })
        .where("key_name", "=", name)
        .where("version", "=", version)
        .execute();
    }
    const current = versions.find(({ state }) => state === "current")?.version ?? 0;
    await deps.audit.append(trx, {
      action: STEP_ACTIONS[step],
      actor,
      subject: `key:${name}`,
      detail: {
        inUse: current,
        ...(ended !== undefined && { ended }),
        ...(allowCutOff.length > 0 && { allowedCutOff: [allowCutOff].flat().join(" ") }),
      },
    });
  });
}

/** Ends a key with all its versions. */
export async function deleteKey(
  deps: KeyStoreDeps,
  { name, force, actor }: DeleteOrder,
): Promise<void> {
  await deps.store.write(async (trx) => {
    const { namespace } = await keyRow(trx, name);
    const cutOff = await readDependents(trx, name);
    if (cutOff.length > 0 && !force) {
      const detail = { name, agents: countText(cutOff) };
      throw new TautlineError("keys.delete_unconfirmed", { detail });
    }
    await trx.deleteFrom("key_uses").where("key_name", "=", name).execute();
    await trx.deleteFrom("key_versions").where("key_name", "=", name).execute();
    await trx.deleteFrom("keys").where("name", "=", name).execute();
    // The name is free again: who has the next key of this name is somebody else (A3).
    await dropClaimant(trx, `key:${name}`);
    await deps.audit.append(trx, {
      action: "key.deleted",
      actor,
      subject: `key:${name}`,
      detail: { namespace, agentsCutOff: cutOff.length },
    });
  });
}

/** Gives the derived key of the version in use away: never without an entry in the trail. */
export async function exportKey(
  { store, vault, audit }: KeyStoreDeps,
  name: string,
  actor: string,
): Promise<ExportedKey> {
  return store.write(async (trx) => {
    await keyRow(trx, name);
    const row = (await versionRows(trx, name)).find(({ state }) => state === "current");
    if (row === undefined) throw notPossible(name, "it has no version in use");
    const { version } = row;
    const sharedKey = vault.open(sealedKeyPlace(name, version), row.sealed_key);
    const detail = { version };
    await audit.append(trx, { action: "key.exported", actor, subject: `key:${name}`, detail });
    return { name, version, pskHex: sharedKey.toString("hex") };
  });
}

interface NewVersion extends VersionStanding {
  readonly name: string;
  readonly text: NewKeyText;
  readonly actor: string;
}

async function insertVersion(
  { vault, now }: KeyStoreDeps,
  trx: Writer,
  { name, version, state, text, actor }: NewVersion,
): Promise<void> {
  await trx
    .insertInto("key_versions")
    .values({
      key_name: name,
      version,
      state,
      sealed_key: vault.seal(sealedKeyPlace(name, version), text.sharedKey),
      weakness: text.weakness ?? null,
      created_at: now(),
      created_by: actor,
    })
    .execute();
}

function decide(
  name: string,
  versions: readonly VersionStanding[],
  step: StepOrder["step"] | "install",
  fresh: number,
) {
  const outcome = stepRotation(versions, step, fresh);
  if (!outcome.ok) throw notPossible(name, outcome.reason);
  return outcome;
}

async function requireNobodyCutOff(
  trx: Writer,
  { name, version, allowCutOff }: Pick<StepOrder, "name" | "allowCutOff"> & VersionNumber,
): Promise<void> {
  if (allowCutOff === "all") return;
  const allowed = new Set(allowCutOff);
  const cutOff = (await readDependents(trx, name, version)).filter((id) => !allowed.has(id));
  if (cutOff.length === 0) return;
  const named = cutOff.slice(0, AGENTS_NAMED).join(", ");
  const others = cutOff.length > AGENTS_NAMED ? " and others" : "";
  const detail = { name, version, agents: `${countText(cutOff)} (${named}${others})` };
  throw new TautlineError("keys.still_used", { detail });
}

function countText({ length }: readonly string[]): string {
  return length === 1 ? "1 agent" : `${length} agents`;
}

type VersionNumber = Pick<VersionStanding, "version">;

function notPossible(name: string, reason: string): TautlineError {
  return new TautlineError("keys.not_possible", { detail: { name, reason } });
}

function weak({ weakness }: NewKeyText): { readonly weak?: string } {
  return weakness === undefined ? {} : { weak: weakness };
}

function made(name: string, id: string, version: number, text: NewKeyText): NewKeyVersion {
  return { name, id, version, value: text.value ?? null, weakness: text.weakness ?? null };
}
