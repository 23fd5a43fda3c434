import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { parseAuditCheckpoint, TautlineError, type TrailLine } from "@tautline/protocol";
import { openRoute, type Way } from "../client.ts";
import type { CommandContext } from "../context.ts";
import { explaining } from "../explaining.ts";
import { systemReason } from "../input-file.ts";
import { type ReadLine, readTrailLines } from "./trail-lines.ts";

/** Which part of central's trail. */
export interface TrailOrder {
  /** RFC 3339. */
  readonly since?: string | undefined;
  readonly isFollowed: boolean;
}

/**
 * Reads central's trail as central exports it. A follow is asked for again and again, each time behind what came before: so central
 * judges again whether its reader may still read.
 *
 * @param way which central
 * @param order which part
 * @param signal ends it
 * @throws as every call of an AdminClient; audit.export_malformed
 */
export async function* readCentralTrail(
  way: Way,
  { since, isFollowed }: TrailOrder,
  signal: AbortSignal,
): AsyncGenerator<ReadLine> {
  let query: Readonly<Record<string, string | number | undefined>> = { since };
  const place = { seq: 0, checkpoint: 0 };
  for (let isFirst = true; ; isFirst = false) {
    const follow = isFollowed ? { follow: "true" } : {};
    const target = { path: ["audit", "export"], query: { ...query, ...follow } };
    let isOver = true;
    for await (const read of readTrailLines(
      await openRoute(way, target, signal),
      "central's export",
    )) {
      note(place, read.line);
      if (read.line.type === "more") isOver = false;
      else if (isFirst || read.line.type !== "trail") yield read;
    }
    if (isOver) return;
    query = { after: place.seq, afterCheckpoint: place.checkpoint };
  }
}

function note(place: { seq: number; checkpoint: number }, line: TrailLine): void {
  if (line.type === "checkpoint") {
    place.checkpoint = parseAuditCheckpoint(line.checkpoint.body).number;
  } else {
    place.seq = line.seq;
  }
}

/**
 * Reads an export from a file, or from standard input for `-`.
 *
 * @param file path, taken from the caller's folder
 * @param context current folder and standard input
 * @throws cli.file_unreadable, audit.export_malformed
 */
export function readTrailFile(
  file: string,
  { cwd, stdin }: Pick<CommandContext, "cwd" | "stdin">,
): AsyncGenerator<ReadLine> {
  const shown = file === "-" ? "standard input" : file;
  const chunks = file === "-" ? toBuffers(stdin) : createReadStream(resolve(cwd, file));
  const explained = explaining(chunks as AsyncIterable<Buffer>, (cause) => {
    const detail = { file: shown, reason: systemReason(cause) };
    return new TautlineError("cli.file_unreadable", { cause, detail });
  });
  return readTrailLines(explained, shown);
}

async function* toBuffers(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<Buffer> {
  for await (const chunk of stream) yield Buffer.from(chunk as string);
}
