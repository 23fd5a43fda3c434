import {
  checkpointFromJson,
  type SignedCheckpoint,
  TautlineError,
  type TrailLine,
} from "@tautline/protocol";
import type { CommandContext } from "../context.ts";
import { readInput } from "../input-file.ts";
import { isRow, rowOf, rowsOf } from "../row.ts";
import { readTrailFile } from "./trail-source.ts";

/** What is known of a trail from elsewhere: an export of it, or checkpoints that somebody kept. */
export type KnownTrail =
  | { readonly kind: "export"; readonly lines: AsyncIterator<TrailLine> }
  | { readonly kind: "checkpoints"; readonly checkpoints: readonly SignedCheckpoint[] };

/** Sixteen checkpoints and all an agent's status says besides. */
const MAX_DOCUMENT_BYTES = 1024 * 1024;

/**
 * Reads what `--against` names: an export, a checkpoint, or what an agent remembers (its status or its audit-head.json).
 *
 * @param file path, taken from the caller's folder
 * @param context current folder
 * @throws cli.file_unreadable, audit.export_malformed
 */
export async function readKnownTrail(
  file: string,
  context: Pick<CommandContext, "cwd" | "stdin">,
): Promise<KnownTrail> {
  const lines = readTrailFile(file, context);
  const first = await lines.next().catch((error: unknown) => ({ error }));
  if ("error" in first || first.done === true || first.value.line.type !== "trail") {
    await lines.return(undefined);
    return { kind: "checkpoints", checkpoints: await readCheckpoints(file, context) };
  }
  const head = first.value.line;
  return { kind: "export", lines: withFirst(head, lines) };
}

async function* withFirst(
  first: TrailLine,
  rest: AsyncIterable<{ readonly line: TrailLine }>,
): AsyncGenerator<TrailLine> {
  yield first;
  for await (const { line } of rest) yield line;
}

async function readCheckpoints(
  file: string,
  context: Pick<CommandContext, "cwd" | "stdin">,
): Promise<readonly SignedCheckpoint[]> {
  const text = (await readInput(file, MAX_DOCUMENT_BYTES, context)).toString("utf8");
  const found = findCheckpoints(parse(text));
  if (found.length > 0) return found;
  const reason =
    "it is neither an audit export, nor a checkpoint, nor the status of an agent that has seen one";
  throw new TautlineError("cli.file_unreadable", { detail: { file, reason } });
}

/** A checkpoint itself; an agent's status, whose `audit` holds its head and forks; a fork of `audit forks --json`. */
function findCheckpoints(value: unknown): SignedCheckpoint[] {
  if (!isRow(value)) return [];
  const own = checkpointFromJson(value);
  if (own !== undefined) return [own];
  if (isRow(value["audit"])) return findCheckpoints(rowOf(value, "audit"));
  const forks = [...rowsOf(value, "forks"), ...rowsOf(value, "items")];
  const seen = forks.map((fork) => checkpointFromJson(fork["evidence"] ?? fork["seen"]));
  return [checkpointFromJson(value["head"]), ...seen].filter((each) => each !== undefined);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
