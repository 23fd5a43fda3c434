import { type Held, holdOpen } from "../../hold-open.ts";
import { type RunningCentral, withCentral } from "../../running-central.ts";
import { type HandMadeAgent, joinByHand } from "../hand-made-agent.ts";

/** The way from a program with a client certificate straight to central's port for telemetry. */
export type ReceiverWay = Held<{
  /** Of the port; central is known there as `localhost`. */
  readonly port: number;
  /** Whose certificate programs show: files, and the id that backends are told. */
  readonly agent: HandMadeAgent;
}>;

/**
 * Opens one, with a central of its own.
 *
 * @param backends as the API takes them; each demands mutual TLS
 */
export function openReceiverWay(
  backends: readonly Readonly<Record<string, unknown>>[],
): Promise<ReceiverWay> {
  return holdOpen((give) =>
    withCentral(async (central) => {
      for (const backend of backends) {
        await central.call("POST", "/api/v1/backends", { levels: ["mtls"], ...backend });
      }
      const agent = await joinByHand(await central.token(), central.folder);
      await give({ agent, port: await openReceiverPort(central) });
    }),
  );
}

/**
 * Opens the port for telemetry.
 *
 * @param central of which
 * @returns its number
 */
export async function openReceiverPort(central: Pick<RunningCentral, "call">): Promise<number> {
  const order = { bind: "public", port: 0 };
  const path = "/api/v1/listeners/receiver";
  const { addresses } = await central.call<{ addresses: string[] }>("PUT", path, order);
  return Number(addresses[0]?.split(":").pop());
}
