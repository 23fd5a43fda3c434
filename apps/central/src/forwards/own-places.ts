import type { HostPort } from "@tautline/link";
import { readHostFacts } from "../authority/own-names.ts";
import { RECEIVER_PORTS } from "../receiver/receiver-settings.ts";

/** Where central listens, as far as it does; of its state, and no more of it than is asked here. */
export interface ListeningCentral {
  readonly agents?: HostPort | undefined;
  readonly plaintext?: HostPort | undefined;
  readonly console?: HostPort;
  readonly telemetry?: {
    addressesOf(name: (typeof RECEIVER_PORTS)[number]): readonly HostPort[];
  };
}

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
export function ownPlacesOf(state: ListeningCentral): OwnPlaces {
  return {
    ports: () =>
      [state.agents, state.plaintext, state.console, ...telemetryOf(state)].flatMap((at) =>
        at === undefined ? [] : [at.port],
      ),
    addresses: () => readHostFacts().addresses.map(({ address }) => address),
  };
}

function telemetryOf({ telemetry }: ListeningCentral): readonly HostPort[] {
  return RECEIVER_PORTS.flatMap((name) => telemetry?.addressesOf(name) ?? []);
}
