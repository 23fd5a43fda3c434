import { open, type FileHandle } from "node:fs/promises";
import { resolve } from "node:path";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import type { CommandContext } from "./context.ts";

/**
 * Reads a file that the caller named, or standard input for `-`.
 *
 * @param file path, taken from the caller's folder, or `-`
 * @param maxBytes more than this is refused; at most one byte more is ever read
 * @param context current folder and standard input
 * @throws cli.file_unreadable
 */
export async function readInput(
  file: string,
  maxBytes: number,
  context: Pick<CommandContext, "cwd" | "stdin">,
): Promise<Buffer> {
  const shown = file === "-" ? "(standard input)" : file;
  try {
    if (file === "-") return await readStream(context.stdin, maxBytes, shown);
    return await readOpened(await open(resolve(context.cwd, file), "r"), maxBytes, shown);
  } catch (cause) {
    if (isTautlineError(cause)) throw cause;
    throw new TautlineError("cli.file_unreadable", {
      cause,
      detail: { file: shown, reason: systemReason(cause) },
    });
  }
}

/**
 * Says in words why the system refused: "no such file or directory", "permission denied".
 *
 * @param error what node:fs or node:net threw
 */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const words = /^[A-Z0-9]+: ([^,]+)/.exec(error.message)?.[1];
  return words ?? (error as NodeJS.ErrnoException).code ?? error.message;
}

async function readOpened(handle: FileHandle, maxBytes: number, file: string): Promise<Buffer> {
  try {
    const stream = handle.createReadStream({ autoClose: false, end: maxBytes });
    return await readStream(stream, maxBytes, file);
  } finally {
    await handle.close();
  }
}

async function readStream(
  stream: AsyncIterable<Uint8Array | string>,
  maxBytes: number,
  file: string,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > maxBytes) {
      throw new TautlineError("cli.file_unreadable", {
        detail: { file, reason: `it has more than ${maxBytes} bytes` },
      });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
