import { ForwardChannel, type PlainEnd, resetPlain } from "@tautline/link";
import { TautlineError, toTautlineError } from "@tautline/protocol";
import type { Way } from "../client.ts";
import { openUpgrade } from "../upgrade-route.ts";

/** Which service of whom, at which central. */
export interface ServiceAsked {
  readonly way: Way;
  readonly agent: string;
  readonly service: string;
  /** Ends what is carried. */
  readonly signal: AbortSignal;
}

/** For central and agent to open it; each has a shorter limit of its own, which says more. */
const OPEN_MS = 30_000;
const NOTHING = new Uint8Array();

/**
 * Opens a link on which a service can be opened; central has then judged who asks and for what.
 *
 * @param asked which service
 * @throws as `openUpgrade`
 */
export async function openServiceLink({
  way,
  agent,
  service,
  signal,
}: ServiceAsked): Promise<ForwardChannel> {
  const target = { path: ["agents", agent, "services", service] };
  const secured = await openUpgrade(way, target, signal);
  const now = performance.now.bind(performance);
  return new ForwardChannel({ secured, head: NOTHING, role: "opener", address: "central", now });
}

/**
 * Carries one connection of a program to the service and back; where that cannot begin, or does not end clean, it is reset.
 *
 * @param plain from which nothing was read yet; it belongs to this from here on
 * @param asked which service
 * @returns why it was reset; undefined after a clean end. Never rejects
 */
export async function carryService(
  plain: PlainEnd,
  asked: ServiceAsked,
): Promise<TautlineError | undefined> {
  // It may be reset at any time, also before anybody carries it.
  plain.on("error", () => {});
  let channel: ForwardChannel | undefined;
  try {
    const { service, signal } = asked;
    channel = await openServiceLink(asked);
    await channel.open({ forward: service }, { timeoutMs: OPEN_MS, signal });
    return (await channel.carry(plain, { signal })).error;
  } catch (thrown) {
    resetPlain(plain);
    return toTautlineError(thrown);
  } finally {
    channel?.destroy(new TautlineError("forward.cancelled"));
  }
}
