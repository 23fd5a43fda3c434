import { createHash } from "node:crypto";
import { isTautlineError, parseJson, TautlineError } from "@tautline/protocol";
import { readPrivateFile, writeFileDurably, type Vault } from "@tautline/vault";
import type { AgentState } from "./agent-state.ts";
import {
  joinState,
  settingsDocumentSchema,
  splitState,
  type OpenSettings,
  type SettingsDocument,
  type SettingsSecrets,
} from "./settings-document.ts";

const MAX_BYTES = 512 * 1024;
const MAX_DEPTH = 8;
const TABLE = "agent-settings";

/**
 * Reads what settings.json says in clear, without the vault and so without proof that it is unchanged.
 *
 * @param file path of settings.json
 * @returns undefined if there is no such file
 * @throws agent.settings_damaged; vault codes for a file with unsafe rights (A14)
 */
export function readOpenSettings(file: string): OpenSettings | undefined {
  return readDocument(file)?.open;
}

/**
 * Reads the agent's state and proves that no bit of the file changed.
 *
 * @param file path of settings.json
 * @param vault the agent's own, open
 * @returns undefined if there is no such file
 * @throws agent.settings_damaged; vault codes for a file with unsafe rights (A14)
 */
export function loadSettings(file: string, vault: Vault): AgentState | undefined {
  const document = readDocument(file);
  if (document === undefined) return undefined;
  try {
    const { open, sealed, seal } = document;
    const sealedDigest = vault.openText(place(open.agentId, "seal"), seal);
    if (sealedDigest !== digestOf({ open, sealed })) throw damaged(file, "its seal does not match");
    return joinState(open, openSecrets(open.agentId, sealed, vault));
  } catch (cause) {
    throw asDamaged(file, cause);
  }
}

/**
 * Writes the agent's state in one durable write: after a crash the file holds the old state or this one.
 *
 * @param file path of settings.json
 * @param vault the agent's own, open
 * @param state the whole new state
 * @throws vault.file_failed, vault.file_unsafe; the old file then stands
 */
export function saveSettings(file: string, vault: Vault, state: AgentState): void {
  const { open, secrets } = splitState(state);
  const sealed = sealSecrets(open.agentId, secrets, vault);
  const seal = vault.sealText(place(open.agentId, "seal"), digestOf({ open, sealed }));
  const document: SettingsDocument = { format: 1, open, sealed, seal };
  writeFileDurably(file, `${JSON.stringify(document, undefined, 2)}\n`);
}

function readDocument(file: string): SettingsDocument | undefined {
  const bytes = readPrivateFile(file, MAX_BYTES);
  if (bytes === undefined) return undefined;
  try {
    const limits = { maxBytes: MAX_BYTES, maxDepth: MAX_DEPTH };
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const result = settingsDocumentSchema.safeParse(parseJson(text, limits));
    if (result.success) return result.data;
    const issue = result.error.issues[0];
    throw damaged(file, `${issue?.path.join(".") ?? "it"} is not as written`);
  } catch (cause) {
    throw asDamaged(file, cause);
  }
}

function sealSecrets(
  agentId: string,
  secrets: SettingsSecrets,
  vault: Vault,
): SettingsDocument["sealed"] {
  const seal = (column: string, plain: string): string =>
    vault.sealText(place(agentId, column), plain);
  const { clientKey, serverKey, ticketSecret, nextClientKey, nextServerKey } = secrets;
  return {
    clientKey: seal("client-key", clientKey),
    serverKey: seal("server-key", serverKey),
    ...(ticketSecret === undefined ? {} : { ticketSecret: seal("ticket-secret", ticketSecret) }),
    ...(nextClientKey === undefined
      ? {}
      : { nextClientKey: seal("next-client-key", nextClientKey) }),
    ...(nextServerKey === undefined
      ? {}
      : { nextServerKey: seal("next-server-key", nextServerKey) }),
  };
}

function openSecrets(
  agentId: string,
  sealed: SettingsDocument["sealed"],
  vault: Vault,
): SettingsSecrets {
  const open = (column: string, text: string): string =>
    vault.openText(place(agentId, column), text);
  const openIfThere = (column: string, text: string | undefined): string | undefined =>
    text === undefined ? undefined : open(column, text);
  return {
    clientKey: open("client-key", sealed.clientKey),
    serverKey: open("server-key", sealed.serverKey),
    ticketSecret: openIfThere("ticket-secret", sealed.ticketSecret),
    nextClientKey: openIfThere("next-client-key", sealed.nextClientKey),
    nextServerKey: openIfThere("next-server-key", sealed.nextServerKey),
  };
}

/** Keys in one order, so that the digest does not hang on the order in which a parser builds its objects. */
function digestOf(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(value)))
    .digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, inner]) => [key, sorted(inner)]);
}

function place(row: string, column: string): { table: string; row: string; column: string } {
  return { table: TABLE, row, column };
}

function damaged(file: string, reason: string): TautlineError {
  return new TautlineError("agent.settings_damaged", { detail: { file, reason } });
}

/** A failed seal and a wrong shape mean the same to the reader: this is not the file that was written. */
function asDamaged(file: string, cause: unknown): TautlineError {
  if (isTautlineError(cause) && cause.code === "agent.settings_damaged") return cause;
  const reason = isTautlineError(cause) ? cause.code : "it cannot be read";
  return new TautlineError("agent.settings_damaged", { cause, detail: { file, reason } });
}
