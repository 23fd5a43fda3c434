import type { AgentWorld } from "../agent-world.ts";
import type { CentralClock } from "../control/central-clock.ts";
import { offeredCrypto } from "../control/crypto-settings.ts";
import { pinnedDial } from "../control/dial-central.ts";
import type { PeerOffers } from "../control/peer-offers.ts";
import type { ProxyChoice } from "../control/proxy-choice.ts";
import { openTransportFor } from "../control/transports.ts";
import type { JoiningState } from "../settings/agent-state.ts";
import { askCentral } from "./ask-central.ts";
import type { GrantParts } from "./grant-check.ts";

/** What asking needs of the agent around it. */
export interface AskByPinOptions {
  readonly world: Pick<AgentWorld, "config" | "clock" | "host">;
  readonly offers: PeerOffers;
  readonly proxy: Pick<ProxyChoice, "proxyFor">;
  readonly centralClock: Pick<CentralClock, "ask">;
  readonly signal: AbortSignal;
}

/**
 * Asks central for an identity over a link on which it is proven by the token's pin alone, as it is before the join.
 *
 * @param address "host:port"
 * @param state with the token, and the keys that are to be certified
 * @param options settings, proxy, clocks
 * @throws as `askCentral`
 */
export function askByPin(
  address: string,
  state: JoiningState,
  { world, offers, proxy, centralClock, signal }: AskByPinOptions,
): Promise<GrantParts> {
  const { config, clock, host } = world;
  const { answerTimeout: answerTimeoutMs, transport } = config.central;
  return askCentral(address, state, {
    openTransport: offers.over(openTransportFor(transport), "tls"),
    dial: pinnedDial(state.ticket, {
      timeoutMs: answerTimeoutMs,
      now: clock.now,
      proxyFor: proxy.proxyFor,
      crypto: offeredCrypto(config.central),
    }),
    askTime: () => centralClock.ask(),
    clock,
    answerTimeoutMs,
    host,
    signal,
  });
}
