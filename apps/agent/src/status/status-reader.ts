import { request } from "node:http";
import { isTautlineError, LIMITS, parseJson, TautlineError } from "@tautline/protocol";
import { certificatesFromPem } from "@tautline/pki";
import { NO_MEMORY, readHeadMemory, type HeadMemory } from "../audit/head-memory.ts";
import type { DataFolder } from "../data-folder.ts";
import { readLegacy } from "../legacy/legacy-file.ts";
import { describeLegacy } from "../legacy/legacy-status.ts";
import type { OpenSettings } from "../settings/settings-document.ts";
import { readOpenSettings } from "../settings/settings-file.ts";
import { describeStatus, type AgentStatus } from "./agent-status.ts";

const TIMEOUT_MS = 5_000;
/** Nobody listens behind the path: no agent runs, or it was killed. */
const NOBODY = new Set(["ENOENT", "ECONNREFUSED", "ENOTSOCK"]);

/**
 * Reads the status of the agent on a data folder: from the running one, else from what the folder says in clear.
 *
 * @param folder the agent's
 * @throws agent.not_joined, agent.status_unreadable, agent.settings_damaged, vault codes for unsafe files
 */
export async function readStatus(folder: DataFolder): Promise<AgentStatus> {
  const running = await askSocket(folder.socket);
  if (running !== undefined) return running;
  const open = readOpenSettings(folder.settings);
  if (open === undefined) {
    const legacy = readLegacy(folder.legacy);
    if (legacy !== undefined) return describeLegacy(legacy);
    throw new TautlineError("agent.not_joined", { detail: { dataDir: folder.path } });
  }
  return describeStatus(open, undefined, memoryOf(folder, open));
}

/** What is remembered is shown only as far as it is proven; the agent itself sets aside what is not when it starts. */
function memoryOf(folder: DataFolder, open: OpenSettings): HeadMemory {
  if (open.state === "joining") return NO_MEMORY;
  const { rootsPem, trustDomain } = open.identity;
  try {
    return readHeadMemory(folder.auditHead, { roots: certificatesFromPem(rootsPem), trustDomain });
  } catch (error) {
    if (isTautlineError(error)) return NO_MEMORY;
    throw error;
  }
}

function askSocket(path: string): Promise<AgentStatus | undefined> {
  return new Promise((resolve, reject) => {
    const unreadable = (cause: unknown): void => {
      const { code } = cause as NodeJS.ErrnoException;
      if (code !== undefined && NOBODY.has(code)) resolve(undefined);
      else
        reject(
          new TautlineError("agent.status_unreadable", {
            cause,
            detail: { path, reason: code ?? "it is no status" },
          }),
        );
    };
    const asking = request(
      { socketPath: path, path: "/status", timeout: TIMEOUT_MS },
      (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on("data", (chunk: Buffer) => {
          length += chunk.length;
          if (length > LIMITS.jsonBytes.value)
            response.destroy(new Error("the status is too large"));
          else chunks.push(chunk);
        });
        response.on("error", unreadable);
        response.on("end", () => {
          try {
            resolve(parseStatus(Buffer.concat(chunks).toString("utf8")));
          } catch (error) {
            unreadable(error);
          }
        });
      },
    );
    asking.on("timeout", () => asking.destroy(new Error("no answer in time")));
    asking.on("error", unreadable);
    asking.end();
  });
}

/** The other end is this program's own process, of this user; the shape is checked as far as a wrong version would break it. */
function parseStatus(text: string): AgentStatus {
  const limits = { maxBytes: LIMITS.jsonBytes.value, maxDepth: LIMITS.jsonDepth.value };
  const value = parseJson(text, limits) as Partial<AgentStatus> | null;
  if (
    typeof value?.id !== "string" ||
    typeof value.state !== "string" ||
    !Array.isArray(value.errors)
  ) {
    throw new TypeError("not a status document");
  }
  return value as AgentStatus;
}
