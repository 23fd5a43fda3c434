import type { AgentSettings, CustomMessage } from "@tautline/protocol";
import type { AgentWorld } from "./agent-world.ts";
import { type AgentEdgeOptions, createAgentEdge } from "./edge/agent-edge.ts";
import { createEdgeReporter } from "./edge/edge-reporter.ts";
import type { EdgeStatus } from "./edge/edge-status.ts";
import { type AgentForwardsOptions, createAgentForwards } from "./forwards/agent-forwards.ts";
import type { ForwardStatus } from "./forwards/one-forward.ts";
import type { SettingsStore } from "./settings/settings-store.ts";
import { judgeRemoteForwards } from "./forwards/remote-forwards.ts";
import { type ServiceStatus, createAgentServices } from "./services/agent-services.ts";

/** What goes through an agent in both directions: its forwards and its edge, and the services that operators open. */
export interface AgentReach {
  /** Begins with forwards and services, where they have not begun; called at each first answer of central's. */
  start(): void;
  /**
   * Takes what of central's settings opens something on this host, as far as the settings file allows it now; the rest is told as a
   * problem: what is kept from before may be more than is allowed today.
   */
  setRemote(settings: AgentSettings): void;
  /** A new identity is in use: links that are ready are dialled anew under it. */
  renew(): void;
  /**
   * Begins with what needs no answer of central's, the edge, which keeps what comes while central is away; does the work; and then waits
   * until all that is carried has come to its end or was cut.
   */
  during(work: () => Promise<unknown>): Promise<void>;
  /** What central is to be told of the edge with the next message, if anything. */
  edgeReport(): CustomMessage | undefined;
  readonly status: {
    readonly forwards: readonly ForwardStatus[];
    readonly services: readonly ServiceStatus[];
    /** Null where agent.yaml has none. */
    readonly edge: EdgeStatus | null;
  };
}

/** Where no agent runs. */
export const NO_REACH: AgentReach["status"] = { forwards: [], services: [], edge: null };

/**
 * Makes both directions of an agent.
 *
 * @param world settings, folder, log and time of the agent
 * @param options way to central, and the vault that seals what the edge keeps
 * @param store what central's settings were when the agent ran last
 * @throws the codes of createAgentEdge
 */
export function createAgentReach(
  world: AgentWorld,
  options: AgentForwardsOptions & Pick<AgentEdgeOptions, "vault">,
  { state }: Pick<SettingsStore, "state">,
): AgentReach {
  const edge = createAgentEdge(world, options);
  const reporter = edge && createEdgeReporter(edge, world.clock.elapsed);
  const forwards = createAgentForwards(world, options);
  const services = createAgentServices(world, options);
  const setRemote = ({ forwards: wanted = {} }: AgentSettings): void => {
    const { accepted, refused } = judgeRemoteForwards(wanted, world.config);
    forwards.setRemote(accepted);
    for (const error of refused) options.onProblem(error);
  };
  if (state?.state === "committed") setRemote(state.last.settings);
  return {
    setRemote,
    edgeReport: () => reporter?.next(),
    start: () => {
      reporter?.beginLink();
      forwards.start();
      services.start();
    },
    renew: () => {
      forwards.renew();
      services.renew();
      edge?.renew();
    },
    during: async (work) => {
      try {
        edge?.startPatiently();
        await services.stopAfter(forwards.stopAfter(work()));
      } finally {
        await edge?.stop();
      }
    },
    get status() {
      const [through, into] = [forwards.status, services.status];
      return { forwards: through, services: into, edge: edge?.status ?? null };
    },
  };
}
