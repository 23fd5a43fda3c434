import type { AgentWorld } from "./agent-world.ts";
import { type AgentEdgeOptions, createAgentEdge } from "./edge/agent-edge.ts";
import type { EdgeStatus } from "./edge/edge-status.ts";
import { type AgentForwardsOptions, createAgentForwards } from "./forwards/agent-forwards.ts";
import type { ForwardStatus } from "./forwards/forward-service.ts";
import { type ServiceStatus, createAgentServices } from "./services/agent-services.ts";

/** What goes through an agent in both directions: its forwards and its edge, and the services that operators open. */
export interface AgentReach {
  /** Begins with forwards and services, where they have not begun; called at each first answer of central's. */
  start(): void;
  /** A new identity is in use: links that are ready are dialled anew under it. */
  renew(): void;
  /**
   * Begins with what needs no answer of central's, the edge, which keeps what comes while central is away; does the work; and then waits
   * until all that is carried has come to its end or was cut.
   */
  during(work: () => Promise<unknown>): Promise<void>;
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
 * @throws the codes of createAgentEdge
 */
export function createAgentReach(
  world: AgentWorld,
  options: AgentForwardsOptions & Pick<AgentEdgeOptions, "vault">,
): AgentReach {
  const edge = createAgentEdge(world, options);
  const forwards = createAgentForwards(world, options);
  const services = createAgentServices(world, options);
  return {
    start: () => {
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
        edge?.start();
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
