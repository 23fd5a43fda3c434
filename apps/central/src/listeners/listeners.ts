import { formatHostPort } from "@tautline/link";
import type { Level } from "@tautline/protocol";
import type { LiveLinks } from "../control/live-links.ts";
import type { AgentsListener } from "./agents-listener.ts";
import { listenerOf } from "./caller-judge.ts";
import {
  changeSettings,
  type ListenerBind,
  type ListenerChange,
  placeOf,
} from "./listener-settings.ts";
import type { ListenerStore } from "./listener-store.ts";
import { changeReceiver, receiverLevels } from "../receiver/receiver-settings.ts";
import type { ReceiverListener } from "../receiver/receiver-listener.ts";
import type { ReceiverPortStore } from "../receiver/receiver-port-store.ts";
import type { ReceiverApi } from "../receiver/receiver-api.ts";
import type { AgentsPortName, ReceiverPortName } from "./secured-connection.ts";

/** A listener as lists show it. */
export interface ListenerView {
  readonly name: AgentsPortName | ReceiverPortName;
  readonly bind: ListenerBind;
  /** What is really listened on; empty where it is off. */
  readonly addresses: readonly string[];
  readonly levels: readonly Level[];
  /** Both names are on one port. */
  readonly shared: boolean;
  /** It listens for everybody, beyond what it is set to, to tell callers where they can join (`tautline policy reopenings`). */
  readonly reopened: boolean;
  /** Live links of its levels. */
  readonly links: number;
}

/** Central's ports for agents and for telemetry, as operators see and set them. */
export interface Listeners {
  list(): readonly ListenerView[];
  /**
   * Changes a listener while central runs, for good; what it no longer accepts is ended with the reason.
   *
   * @throws central.ports_equal, central.address_in_use, central.cannot_listen, api.invalid, and everything is as it was
   */
  set(
    name: AgentsPortName | ReceiverPortName,
    change: ListenerChange,
    actor: string,
  ): Promise<ListenerView>;
}

/** What they work on. */
export interface ListenersDeps {
  readonly listener: Pick<AgentsListener, "settings" | "addressesOf" | "change">;
  readonly kept: ListenerStore;
  readonly live: Pick<LiveLinks, "all">;
  /** The ports for telemetry. */
  readonly telemetry: TelemetryPorts;
  /** Told when a port has moved, so that agents learn where it is. */
  readonly onMoved: () => void;
}

/** The ports for telemetry, and what is kept of them. */
export interface TelemetryPorts {
  readonly listener: Pick<ReceiverListener, "settings" | "addressesOf" | "change">;
  readonly kept: ReceiverPortStore;
  readonly links: ReceiverApi["links"];
}

const NAMES = ["agents", "plaintext"] as const;
const TELEMETRY = ["receiver", "receiver-plaintext"] as const;

/**
 * Makes the operators' side of the listeners.
 *
 * @param deps what listens, and what is kept of it
 */
export function createListeners(deps: ListenersDeps): Listeners {
  const { listener, kept, live, onMoved, telemetry } = deps;
  const view = (name: AgentsPortName): ListenerView => {
    const settings = listener.settings();
    const { bind, levels } = placeOf(settings, name);
    const addresses = listener
      .addressesOf(name)
      .map(({ host, port }) => formatHostPort(host, port));
    const links = live.all().filter(({ evidence }) => listenerOf(evidence.level) === name).length;
    const { isShared: shared, isReopened = false } = settings;
    const reopened = isReopened && name === "plaintext";
    return { name, bind, addresses, levels, shared, reopened, links };
  };
  return {
    list: () => [...NAMES.map(view), ...TELEMETRY.map((name) => viewOfTelemetry(telemetry, name))],
    set: async (name, change, actor) => {
      if (name === "receiver" || name === "receiver-plaintext") {
        return setTelemetry(telemetry, name, { change, actor });
      }
      const before = view("agents").addresses.join();
      await listener.change({
        next: (now) => changeSettings(now, name, change),
        keep: (was, after) => kept.save({ name, change, before: was, after, actor }),
      });
      if (view("agents").addresses.join() !== before) onMoved();
      return view(name);
    },
  };
}

function viewOfTelemetry(
  { listener, links }: TelemetryPorts,
  name: ReceiverPortName,
): ListenerView {
  const settings = listener.settings();
  const { bind } = settings[name];
  const addresses = listener.addressesOf(name).map(({ host, port }) => formatHostPort(host, port));
  const count = links().filter(({ door }) => door === name).length;
  const levels = receiverLevels(settings, name);
  return { name, bind, addresses, levels, shared: false, reopened: false, links: count };
}

async function setTelemetry(
  telemetry: TelemetryPorts,
  name: ReceiverPortName,
  { change, actor }: { readonly change: ListenerChange; readonly actor: string },
): Promise<ListenerView> {
  await telemetry.listener.change({
    next: (now) => changeReceiver(now, name, change),
    keep: (_was, after) => telemetry.kept.save({ name, change, after, actor }),
  });
  return viewOfTelemetry(telemetry, name);
}
