import { rmSync } from "node:fs";
import { isAgentId, isTautlineError, LEVELS, parseJson, TautlineError } from "@tautline/protocol";
import { readPrivateFile, writeFileDurably } from "@tautline/vault";
import { z } from "zod";

const MAX_BYTES = 64 * 1024;
const MAX_DEPTH = 6;

const text = z.string().max(1_024);

const schema = z.strictObject({
  format: z.literal(1),
  id: text.refine(isAgentId),
  /** The highest level that was ever proven; nothing lower is dialled until somebody on this host allows it. */
  provenLevel: z.enum(LEVELS).optional(),
  /** What central offered: where to join, and the pins of its root. Nobody has proven it; a token says it again. */
  offer: z
    .strictObject({
      addresses: z.array(text).max(16).readonly(),
      /** base64url of SHA-256 of root SPKIs. */
      pins: z.array(text).max(8).readonly(),
      trustDomain: text,
      /** RFC 3339 in UTC. */
      at: text,
    })
    .optional(),
});

/** What an agent without an identity keeps; it holds no secret. */
export type LegacyState = Omit<Readonly<z.output<typeof schema>>, "format">;

/**
 * Reads what an agent without an identity keeps.
 *
 * @param file path of legacy.json
 * @returns undefined if there is no such file
 * @throws agent.legacy_damaged; vault codes for a file with unsafe rights (A14)
 */
export function readLegacy(file: string): LegacyState | undefined {
  const bytes = readPrivateFile(file, MAX_BYTES);
  if (bytes === undefined) return undefined;
  const reason = "it is not as it was written";
  try {
    const json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const found = schema.safeParse(parseJson(json, { maxBytes: MAX_BYTES, maxDepth: MAX_DEPTH }));
    if (!found.success) throw damaged(file, reason, found.error);
    const { format: _, ...state } = found.data;
    return state;
  } catch (error) {
    if (isTautlineError(error) && error.code === "agent.legacy_damaged") throw error;
    throw damaged(file, reason, error);
  }
}

/**
 * Writes it in one durable write, mode 0600.
 *
 * @param file path of legacy.json
 * @param state the whole of it
 * @throws vault.file_failed, vault.file_unsafe; the old file then stands
 */
export function writeLegacy(file: string, state: LegacyState): void {
  writeFileDurably(file, `${JSON.stringify({ format: 1, ...state }, undefined, 2)}\n`);
}

/**
 * Removes it, once its id is that of an identity. If a crash brings it back it is removed at the next start.
 *
 * @param file path of legacy.json
 */
export function forgetLegacy(file: string): void {
  rmSync(file, { force: true });
}

function damaged(file: string, reason: string, cause: unknown): TautlineError {
  return new TautlineError("agent.legacy_damaged", { cause, detail: { file, reason } });
}
