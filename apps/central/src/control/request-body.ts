import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { TautlineError } from "@tautline/protocol";

const unzip = promisify(gunzip);

/**
 * Reads the body of a polling request, gzip or plain (opamp-spec "Plain HTTP Transport"). The limit holds for what comes and for
 * what comes out of it; more is not read into memory.
 *
 * @param request whose body nobody has read yet
 * @param maxBytes the limit for this caller
 * @throws opamp.too_large, opamp.malformed, api.unsupported_media, link.broken
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const coding = (request.headers["content-encoding"] ?? "identity").toLowerCase();
  if (coding !== "identity" && coding !== "gzip") {
    const reason = "content-encoding is neither gzip nor identity";
    throw new TautlineError("api.unsupported_media", { detail: { reason } });
  }
  const body = await collect(request, maxBytes);
  return coding === "gzip" ? inflate(body, maxBytes) : body;
}

async function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > maxBytes) throw tooLarge(declared, maxBytes);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Not destroyed at a return: the answer still has to go out on the same connection.
    const incoming = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of incoming) {
      size += chunk.length;
      if (size > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    const address = request.socket.remoteAddress ?? "an unknown address";
    const reason = "it was cut in the middle of a message";
    throw new TautlineError("link.broken", { cause, detail: { address, reason } });
  }
  if (size > maxBytes) throw tooLarge(`over ${maxBytes}`, maxBytes);
  return Buffer.concat(chunks);
}

async function inflate(body: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await unzip(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw tooLarge(`over ${maxBytes}`, maxBytes);
    }
    const reason = "its body is not gzip";
    throw new TautlineError("opamp.malformed", { cause, detail: { reason } });
  }
}

function tooLarge(size: number | string, limit: number): TautlineError {
  return new TautlineError("opamp.too_large", { detail: { size, limit } });
}
