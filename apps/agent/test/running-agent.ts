import { join } from "node:path";
import type { LinkEvidence } from "@tautline/protocol";
import { createLog, parseConfig } from "@tautline/daemon";
import { createAgent, type Agent } from "../src/agent.ts";
import type { AgentWorld } from "../src/agent-world.ts";
import { systemClock } from "../src/clock.ts";
import { agentConfigSchema } from "../src/config.ts";
import { dataFolder, type DataFolder } from "../src/data-folder.ts";
import { decodeJoinToken } from "@tautline/protocol";
import type { CommittedState } from "../src/settings/agent-state.ts";
import { ticketOf } from "../src/enrolment/join-ticket.ts";

/** An agent of a test: its folder, what it logged and when it connected. */
export interface TestAgent {
  readonly agent: Agent;
  readonly folder: DataFolder;
  /** Log lines, one JSON object each. */
  readonly logged: string[];
  readonly connected: { readonly address: string; readonly evidence: LinkEvidence }[];
  /** The state after each renewal. */
  readonly renewed: readonly CommittedState[];
  /** Joins with a token's text and resolves when the identity is proven. */
  join(token: string, maxRounds?: number, mayWait?: boolean): ReturnType<Agent["join"]>;
  /** Starts to run; `stop` says goodbye and waits until it has stopped. */
  start(): { readonly ended: Promise<void>; stop(): Promise<void> };
}

/**
 * Makes an agent on a folder, with real time and no jitter.
 *
 * @param path the data folder; it need not exist
 * @param options text of its agent.yaml, environment variables, and what of its world is to be different
 */
export function makeTestAgent(
  path: string,
  options: {
    readonly yaml?: string;
    readonly variables?: Readonly<Record<string, string>>;
    readonly world?: Partial<AgentWorld>;
  } = {},
): TestAgent {
  const { yaml = "", variables = {}, world = {} } = options;
  const logged: string[] = [];
  const renewed: CommittedState[] = [];
  const connected: { address: string; evidence: LinkEvidence }[] = [];
  const folder = dataFolder(path);
  const config = parseConfig("agent", join(path, "agent.yaml"), yaml, agentConfigSchema);
  const agent = createAgent({
    folder,
    config,
    log: createLog("agent", "info", { write: (line) => void logged.push(line) }),
    clock: systemClock,
    random: () => 0,
    readVariable: (name) => variables[name],
    host: {
      hostName: "test-host",
      osType: "linux",
      startedAtMs: 0,
      upgrade: config.upgrade,
      instructions: config.allowedInstructions,
    },
    onConnected: (_id, address, evidence) => connected.push({ address, evidence }),
    onRenewed: (state) => renewed.push(state),
    ...world,
  });
  return {
    agent,
    folder,
    logged,
    connected,
    renewed,
    join: (token, maxRounds = 1, mayWait = true) => {
      const ticket = ticketOf(decodeJoinToken(token));
      const never = new AbortController().signal;
      return agent.join({ ticket, name: "test-agent", maxRounds, mayWait }, never);
    },
    start() {
      const stopping = new AbortController();
      const ended = agent.run(stopping.signal);
      // A failure shows at `ended` or `stop`, whichever the test awaits.
      ended.catch(() => {});
      return {
        ended,
        stop: async () => {
          stopping.abort();
          await ended;
        },
      };
    },
  };
}
