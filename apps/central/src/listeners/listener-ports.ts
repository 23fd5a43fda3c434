import type { Server } from "node:net";
import type { Logger } from "@tautline/daemon";
import { type ListenerSettings, placeOf } from "./listener-settings.ts";
import {
  createMovablePorts,
  type MovablePorts,
  type PortChange as Change,
} from "./movable-ports.ts";
import type { AgentsPortName } from "./secured-connection.ts";

/** The ports that agents dial, opened and moved while central runs; of a shared port both names have the same addresses. */
export type ListenerPorts = MovablePorts<AgentsPortName, ListenerSettings>;

/** A change of their settings, in two steps. */
export type PortChange = Change<ListenerSettings>;

/** What the ports need. */
export interface ListenerPortsDeps {
  readonly first: ListenerSettings;
  /** Addresses that public ports listen on. */
  readonly hosts: Readonly<Record<AgentsPortName, string>>;
  /** Gives a server for connections to a port, not listening yet. */
  readonly serve: (name: AgentsPortName) => Server;
  readonly log: Logger;
}

/**
 * Makes the ports, none of them open.
 *
 * @param deps what is set first, and what serves connections
 */
export function createListenerPorts({ hosts, ...deps }: ListenerPortsDeps): ListenerPorts {
  const ports = createMovablePorts<AgentsPortName, ListenerSettings>({
    ...deps,
    names: ["agents", "plaintext"],
    named: {
      agents: { listener: "agents'", flag: "--agents-port" },
      plaintext: { listener: "plaintext", flag: "--plaintext-port" },
    },
    wanted: (settings, name) => {
      if (name === "plaintext" && settings.isShared) return undefined;
      const { bind, port } = placeOf(settings, name);
      if (name === "plaintext" && isOpenedBeyond(settings)) {
        return { bind: "public", port, host: hosts[name] };
      }
      return bind === "off" ? undefined : { bind, port, host: hosts[name] };
    },
    real: (settings, portOf) => ({
      ...settings,
      agents: { ...settings.agents, port: portOf("agents") ?? settings.agents.port },
      plaintext: { ...settings.plaintext, port: portOf("plaintext") ?? settings.plaintext.port },
    }),
  });
  return {
    ...ports,
    addressesOf: (name) => ports.addressesOf(ports.settings().isShared ? "agents" : name),
  };
}

/** Where plaintext would be on the secure port, that one hears it: callers are told there. */
function isOpenedBeyond({ agents, plaintext, isReopened = false }: ListenerSettings): boolean {
  return isReopened && (plaintext.port === 0 || plaintext.port !== agents.port);
}
