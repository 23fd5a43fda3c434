import type { AgentWorld } from "./agent-world.ts";
import { type AgentForwardsOptions, createAgentForwards } from "./forwards/agent-forwards.ts";
import type { ForwardStatus } from "./forwards/forward-service.ts";
import { type ServiceStatus, createAgentServices } from "./services/agent-services.ts";

/** What goes through an agent in both directions: its forwards, and the services that operators open. */
export interface AgentReach {
  /** Begins with both, where they have not begun; called at each first answer of central's. */
  start(): void;
  /** A new identity is in use: links that are ready are dialled anew under it. */
  renew(): void;
  /** Waits for something, and then until all that is carried has come to its end or was cut. */
  stopAfter(work: Promise<unknown>): Promise<void>;
  readonly status: {
    readonly forwards: readonly ForwardStatus[];
    readonly services: readonly ServiceStatus[];
  };
}

/** Where no agent runs. */
export const NO_REACH: AgentReach["status"] = { forwards: [], services: [] };

/**
 * Makes both directions of an agent.
 *
 * @param world settings, folder, log and time of the agent
 * @param options way to central
 */
export function createAgentReach(world: AgentWorld, options: AgentForwardsOptions): AgentReach {
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
    },
    stopAfter: (work) => services.stopAfter(forwards.stopAfter(work)),
    get status() {
      return { forwards: forwards.status, services: services.status };
    },
  };
}
