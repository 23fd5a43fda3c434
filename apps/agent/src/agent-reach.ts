import type { AgentSettings } from "@tautline/protocol";
import type { AgentWorld } from "./agent-world.ts";
import { type AgentForwardsOptions, createAgentForwards } from "./forwards/agent-forwards.ts";
import type { ForwardStatus } from "./forwards/one-forward.ts";
import type { SettingsStore } from "./settings/settings-store.ts";
import { judgeRemoteForwards } from "./forwards/remote-forwards.ts";
import { type ServiceStatus, createAgentServices } from "./services/agent-services.ts";

/** What goes through an agent in both directions: its forwards, and the services that operators open. */
export interface AgentReach {
  /** Begins with both, where they have not begun; called at each first answer of central's. */
  start(): void;
  /**
   * Takes what of central's settings opens something on this host, as far as the settings file allows it now; the rest is told as a
   * problem: what is kept from before may be more than is allowed today.
   */
  setRemote(settings: AgentSettings): void;
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
 * @param store what central's settings were when the agent ran last
 */
export function createAgentReach(
  world: AgentWorld,
  options: AgentForwardsOptions,
  { state }: Pick<SettingsStore, "state">,
): AgentReach {
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
