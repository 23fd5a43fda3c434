/* Equipment: what a daemon of a test still needs, told by itself after its collector has run: what the system lends it says little of that. */
import { readdirSync, readFileSync } from "node:fs";
import type { LaunchedProcess } from "@tautline/testing";

/** Runs before the daemon's own code: on SIGUSR2 it collects all there is to collect, and says what is left. */
const PRELOADED = `
  import { setFlagsFromString } from "node:v8";
  import { runInNewContext } from "node:vm";
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  process.on("SIGUSR2", async () => {
    // What has ended in this turn is let go of in the next ones.
    for (let turn = 0; turn < 3; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    const { heapUsed, external } = process.memoryUsage();
    console.log(JSON.stringify({ event: "held", bytes: heapUsed + external }));
  });
`;

/** Environment of a daemon that can be asked what it holds. */
export const TELLS_MEMORY: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PRELOADED)}`,
};

/**
 * Asks a daemon that was started with `TELLS_MEMORY` what it holds.
 *
 * @param daemon that writes its events as JSON
 * @returns bytes of JavaScript's heap and of buffers outside of it that something still refers to
 */
export async function heldMemory(daemon: LaunchedProcess): Promise<number> {
  process.kill(daemon.pid ?? 0, "SIGUSR2");
  const { bytes } = await daemon.waitForEvent(({ event }) => event === "held");
  return Number(bytes);
}

/** Files and sockets that a process has open. */
export function openDescriptors({ pid }: Pick<LaunchedProcess, "pid">): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Bytes of memory that a process holds now, as the system counts it. */
export function residentBytes({ pid }: Pick<LaunchedProcess, "pid">): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
