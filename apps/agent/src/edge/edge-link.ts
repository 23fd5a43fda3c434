import type { Duplex } from "node:stream";
import { openForward, RECEIVER_PATH, RECEIVER_PROTOCOL } from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import { provenOrClosed } from "../control/identity-proof.ts";
import type { ForwardDialOptions } from "../forwards/forward-link.ts";

/** How links for telemetry are dialled: as those of forwards. */
export type EdgeDialOptions = Pick<ForwardDialOptions, "dial" | "addresses" | "timeoutMs">;

/**
 * Dials central for a link that carries telemetry: the agent's own dial at its level, its proof of identity where the handshake was
 * none, and the upgrade, behind which HTTP/2 begins.
 *
 * @param options dial, addresses, time
 * @param signal calls it off
 * @throws the codes of the first address that failed: link.*, agent.below_floor, agent.key_*
 */
export async function dialEdgeLink(
  { dial, addresses, timeoutMs }: EdgeDialOptions,
  signal: AbortSignal,
): Promise<Duplex> {
  const failures: TautlineError[] = [];
  for (const address of addresses()) {
    if (signal.aborted) break;
    try {
      const link = await dial()(address, signal);
      const headers = await provenOrClosed(link, address, signal);
      return await openForward({
        socket: link.socket,
        host: address,
        direction: "out",
        path: RECEIVER_PATH,
        protocol: RECEIVER_PROTOCOL,
        headers,
        timeoutMs,
        signal,
      });
    } catch (error) {
      failures.push(toTautlineError(error));
    }
  }
  throw failures[0] ?? new TautlineError("link.cancelled", { detail: { address: "central" } });
}
