import { type Level, LEVELS } from "@tautline/protocol";
import type { CentralState } from "../opened-central.ts";
import type { ReceiverDoor } from "./caller.ts";
import { receiverLevels } from "./receiver-settings.ts";

/**
 * Tells which levels are accepted at each door by which telemetry comes in, whenever it is asked.
 *
 * @param state of central's ports
 */
export function doorsOf(
  state: Pick<CentralState, "telemetry" | "levels">,
): (door: ReceiverDoor) => readonly Level[] {
  return (door) => {
    // An edge comes as an agent does, and was judged as one.
    if (door === "edge") return LEVELS;
    // HTTP/2 is told from HTTP/1.1 in the handshake of TLS, and nowhere else on that port.
    if (door === "agents") return (state.levels?.() ?? []).filter((each) => TLS.has(each));
    return state.telemetry === undefined ? [] : receiverLevels(state.telemetry.settings(), door);
  };
}

const TLS: ReadonlySet<Level> = new Set(["tls", "mtls"]);
