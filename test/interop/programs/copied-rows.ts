import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";

/** Random bytes of a row; in base64, no character of which means anything to COPY, a row is 1,025 bytes with its line feed. */
const RANDOM_BYTES = 768;
const ROWS_A_PART = 1_024;

/** Rows in a file, as COPY reads and writes them. */
export interface CopiedRows {
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  /** SHA-256, in hex. */
  readonly digest: string;
}

/**
 * Writes random rows to a file.
 *
 * @param file where
 * @param leastBytes how many bytes at least
 */
export async function writeRows(file: string, leastBytes: number): Promise<CopiedRows> {
  let [rows, bytes] = [0, 0];
  const makeParts = async function* (): AsyncGenerator<string> {
    while (bytes < leastBytes) {
      const lines = Array.from({ length: ROWS_A_PART }, () => makeRow());
      const part = lines.join("");
      rows += lines.length;
      bytes += part.length;
      yield part;
    }
  };
  await pipeline(makeParts, createWriteStream(file));
  return { file, rows, bytes, digest: await digestOfFile(file) };
}

/** The SHA-256 of a file, in hex. */
export async function digestOfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

function makeRow(): string {
  return `${randomBytes(RANDOM_BYTES).toString("base64")}\n`;
}
