import { formatHostPort } from "@tautline/link";
import { type Level, LEVELS } from "@tautline/protocol";
import type { Backend } from "./backend.ts";
import type { ReceiverApi } from "./receiver-api.ts";
import { RECEIVER_PORTS, type SetPorts } from "./receiver-settings.ts";

/** The receiver at a glance. */
export interface ReceiverGlance {
  /** Addresses that its ports really listen on. */
  readonly addresses: readonly string[];
  /** `ready`: a place of it works; `out`: none does; `idle`: no call has needed it yet. */
  readonly backends: { readonly ready: number; readonly idle: number; readonly out: number };
  /** Live links by level, as this process sees them; levels without one are left out. */
  readonly links: readonly { readonly level: Level; readonly links: number }[];
}

/**
 * Looks at the receiver.
 *
 * @param receiver its links and how its backends are
 * @param backends every one there is
 * @param ports its own; undefined before they open
 */
export function glanceAtReceiver(
  receiver: Pick<ReceiverApi, "healthOf" | "links">,
  backends: readonly Pick<Backend, "name">[],
  ports: Pick<SetPorts, "addressesOf"> | undefined,
): ReceiverGlance {
  const states = backends.map(({ name }) => stateOf(receiver, name));
  const count = (state: string): number => states.filter((each) => each === state).length;
  const links = receiver.links();
  const addresses = RECEIVER_PORTS.flatMap((name) => ports?.addressesOf(name) ?? []);
  return {
    addresses: addresses.map(({ host, port }) => formatHostPort(host, port)),
    backends: { ready: count("ready"), idle: count("idle"), out: count("out") },
    links: LEVELS.map((level) => ({
      level,
      links: links.filter(({ evidence }) => evidence.level === level).length,
    })).filter((each) => each.links > 0),
  };
}

/** Of several places the first that is ready counts; one that was never needed is no fault. */
function stateOf(receiver: Pick<ReceiverApi, "healthOf">, name: string): "ready" | "idle" | "out" {
  const states = receiver.healthOf(name).map(({ state }) => state);
  if (states.includes("ready")) return "ready";
  return states.length > 0 && states.every((state) => state === "out") ? "out" : "idle";
}
