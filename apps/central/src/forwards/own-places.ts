import { readHostFacts } from "../authority/own-names.ts";
import type { CentralState } from "../opened-central.ts";

/** Where central itself listens, asked anew for each connection: ports move and interfaces come while it runs. */
export interface OwnPlaces {
  /** Ports of central's own listeners. */
  ports(): readonly number[];
  /** Addresses of this host's interfaces; every loopback address is its own besides. */
  addresses(): readonly string[];
}

/**
 * Central's own places, as they are whenever they are asked for.
 *
 * @param state where central listens
 */
export function ownPlacesOf(
  state: Pick<CentralState, "agents" | "plaintext" | "console">,
): OwnPlaces {
  return {
    ports: () =>
      [state.agents, state.plaintext, state.console].flatMap((at) =>
        at === undefined ? [] : [at.port],
      ),
    addresses: () => readHostFacts().addresses.map(({ address }) => address),
  };
}
