import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { BenchContext } from "./benchmark.ts";
import { startWorker, type Worker } from "./worker.ts";

const root = join(import.meta.dirname, "..");

/** The command's own entry. */
export const TAUTLINE: string = join(root, "apps/cli/src/main.ts");

/** A central that runs for a benchmark, on loopback only. */
export interface BenchCentral extends AsyncDisposable {
  readonly worker: Worker;
  readonly agentsPort: number;
  readonly dataDir: string;
  /** A join token with so many uses. */
  token(uses: number): Promise<string>;
  /** Ends it in an orderly way, so that a profile is written. */
  stop(): Promise<void>;
}

/**
 * Starts central as the command does, with a probe inside, and waits until it is ready.
 *
 * @param context whose folder and profile folder, and the text of its central.yaml where that is not all defaults
 * @param dataDir its data folder; one of its own by default
 * @param agentsPort that of an earlier run, to be dialled again; any free one by default
 */
export async function startCentral(
  {
    folder,
    profileDir,
    settings = "",
  }: Pick<BenchContext, "folder" | "profileDir"> & { readonly settings?: string },
  dataDir = join(folder, "central"),
  agentsPort = 0,
): Promise<BenchCentral> {
  const ports = ["--agents-port", String(agentsPort), "--console-port", "0", "--host", "127.0.0.1"];
  const config = join(folder, "central.yaml");
  writeFileSync(config, settings);
  const worker = startWorker(
    TAUTLINE,
    ["central", "run", "--json", "--data", dataDir, "--config", config, ...ports],
    [
      "--expose-gc",
      "--import",
      join(import.meta.dirname, "central-probe.ts"),
      ...profileFlags(profileDir),
    ],
  );
  const ready = JSON.parse(await worker.firstLine) as { agents: string };
  return {
    worker,
    agentsPort: Number(new URL(ready.agents).port),
    dataDir,
    token: (uses) => createToken(join(dataDir, "admin.sock"), uses),
    stop: () => worker.stop(),
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

function createToken(socketPath: string, uses: number): Promise<string> {
  const body = JSON.stringify({ uses });
  const headers = { "content-type": "application/json", "content-length": body.length };
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath, method: "POST", path: "/api/v1/tokens", headers, agent: false },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (more: string) => (text += more));
        answer.on("end", () => {
          if (answer.statusCode === 201) resolve((JSON.parse(text) as { token: string }).token);
          else reject(new Error(text));
        });
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

/**
 * Flags of Node that make a process write a CPU profile when it ends.
 *
 * @param folder where; undefined: none is written
 */
export function profileFlags(folder: string | undefined): string[] {
  return folder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${folder}`];
}
