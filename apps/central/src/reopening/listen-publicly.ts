import type { AgentsListener } from "../listeners/agents-listener.ts";

/**
 * Has plaintext listened to for everybody while a re-opening holds, whatever it is set to, or no longer. Nothing of it is kept: after a restart the clock
 * does it again.
 *
 * @param listener central's ports for agents
 * @param isReopened whether any re-opening holds
 * @throws central.address_in_use, central.cannot_listen, central.stopping, and everything is as it was
 */
export async function listenPublicly(
  listener: Pick<AgentsListener, "settings" | "change">,
  isReopened: boolean,
): Promise<void> {
  if ((listener.settings().isReopened ?? false) === isReopened) return;
  await listener.change({ next: (now) => ({ ...now, isReopened }), keep: async () => {} });
}
