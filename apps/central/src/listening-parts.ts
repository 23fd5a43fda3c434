import type { Fleet } from "./fleet-parts.ts";
import { ownPlacesOf } from "./forwards/own-places.ts";
import type { OpenedRing } from "./keys/keys.ts";
import {
  type AgentsListener,
  type AgentsListenerDeps,
  createAgentsListener,
} from "./listeners/agents-listener.ts";
import { firstSettings } from "./listeners/first-settings.ts";
import { createListenerStore } from "./listeners/listener-store.ts";
import { createListeners, type Listeners } from "./listeners/listeners.ts";
import type { CentralState, OpenedCentral } from "./opened-central.ts";
import { openReceiver, type Receiver } from "./receiver/receiver.ts";
import { doorsOf } from "./receiver/receiver-doors.ts";
import { createReceiverListener, type ReceiverListener } from "./receiver/receiver-listener.ts";
import { createReceiverPortStore } from "./receiver/receiver-port-store.ts";
import { firstReceiverSettings } from "./receiver/receiver-settings.ts";

/** Central's ports, and the operators' side of them. */
export interface OpenedListeners {
  readonly agentsListener: AgentsListener;
  readonly receiverListener: ReceiverListener;
  readonly listeners: Listeners;
}

/**
 * Builds the ports for agents and for telemetry, by what was set last.
 *
 * @param deps what was opened already
 * @param fleet whose links they carry
 * @param listening what serves connections
 */
export async function openListeners(
  deps: OpenedCentral,
  { live, offerAddresses, refusals, offers }: Fleet,
  listening: Omit<AgentsListenerDeps, "first"> & {
    readonly receiver: Receiver;
    readonly state: CentralState;
  },
): Promise<OpenedListeners> {
  const kept = createListenerStore(deps);
  const first = firstSettings(deps.config, deps.flags, await kept.read());
  const { receiver, state } = listening;
  const { service, exposed } = receiver;
  const keptTelemetry = createReceiverPortStore(deps);
  const receiverListener = createReceiverListener({
    ...listening,
    config: deps.config,
    first: firstReceiverSettings(deps.config.receiver, await keptTelemetry.read()),
    refusals,
    service,
    exposed,
    offer: () => offers.header(),
  });
  const listener = await createAgentsListener({ ...listening, first });
  state.telemetry = receiverListener;
  const links = (): ReturnType<Receiver["api"]["links"]> => receiver.api.links();
  const telemetry = { listener: receiverListener, kept: keptTelemetry, links };
  const onMoved = offerAddresses;
  const listeners = createListeners({ listener, kept, live, onMoved, telemetry });
  return { agentsListener: listener, receiverListener, listeners };
}

/**
 * Opens what takes telemetry; its ports come later.
 *
 * @param deps what was opened already
 * @param fleet whose agents may send
 * @param at central's ports, and its shared keys
 */
export function openTelemetry(
  deps: OpenedCentral,
  fleet: Fleet,
  { state, ring }: { readonly state: CentralState; readonly ring: OpenedRing["ring"] },
): Promise<Receiver> {
  return openReceiver({
    ...deps,
    ...fleet,
    ring,
    own: ownPlacesOf(state),
    sources: fleet.herd.sources,
    recorder: fleet.history.recorder,
    doors: doorsOf(state),
    isStopping: () => state.isStopping,
  });
}
