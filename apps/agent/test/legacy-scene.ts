import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLog, parseConfig } from "@tautline/daemon";
import type { LinkEvidence } from "@tautline/protocol";
import { systemClock, type Clock } from "../src/clock.ts";
import { agentConfigSchema } from "../src/config.ts";
import { dataFolder, type DataFolder } from "../src/data-folder.ts";
import { runLegacyAgent } from "../src/legacy/legacy-agent.ts";
import type { LegacyWish } from "../src/legacy/legacy-wish.ts";
import { KEY_TEXT } from "./keyed-central.ts";

/** Real time, without the waits between two dials; what is given up after half a minute still is. */
const IMPATIENT: Clock = {
  ...systemClock,
  after: (delayMs, task) => systemClock.after(delayMs < 10_000 ? 0 : delayMs, task),
};

/** An agent without an identity that runs. */
export interface RunningLegacy {
  readonly folder: DataFolder;
  readonly logged: string[];
  readonly problems: string[];
  readonly connected: { readonly id: string; readonly evidence: LinkEvidence }[];
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Runs an agent without an identity, with real time, no jitter, and no wait between two dials.
 *
 * @param path its data folder; it need not exist
 * @param wish where and how it dials; without a key it has the one of the tests in a file beside the folder
 * @param yaml text of its settings file
 */
export function startLegacy(
  path: string,
  wish: Pick<LegacyWish, "addresses" | "level"> & Partial<LegacyWish>,
  yaml = "",
): RunningLegacy {
  const file = `${path}.key`;
  if (wish.key === undefined) writeFileSync(file, `${KEY_TEXT}\n`, { mode: 0o600 });
  const key = { name: "legacy", namespace: "default", file };
  const stopping = new AbortController();
  const logged: string[] = [];
  const problems: string[] = [];
  const connected: { id: string; evidence: LinkEvidence }[] = [];
  const folder = dataFolder(path);
  const config = parseConfig("agent", join(path, "agent.yaml"), yaml, agentConfigSchema);
  const ended = runLegacyAgent(
    { key, name: "old-1", ...wish },
    {
      folder,
      config,
      log: createLog("agent", "info", { write: (line) => void logged.push(line) }),
      clock: IMPATIENT,
      random: () => 0,
      readVariable: () => undefined,
      host: {
        hostName: "test-host",
        osType: "linux",
        startedAtMs: 0,
        upgrade: config.upgrade,
        instructions: config.allowedInstructions,
      },
      onConnected: (id, _address, evidence) => connected.push({ id, evidence }),
      onProblem: ({ code }) => problems.push(code),
    },
    stopping.signal,
  );
  // A failure shows at `ended` or `stop`, whichever the test awaits.
  ended.catch(() => {});
  return {
    folder,
    logged,
    problems,
    connected,
    ended,
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}
