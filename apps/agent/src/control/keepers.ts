import type { InstructionReceipt, Level, TautlineError } from "@tautline/protocol";
import type { Clock } from "../clock.ts";
import type { AgentConfig } from "../config.ts";
import { createAgentKeys } from "../enrolment/agent-keys.ts";
import { createCertificateKeeper } from "../certificates/certificate-keeper.ts";
import { createRenewalKeeper } from "../enrolment/renewal-keeper.ts";
import type { LocalAudit } from "../instructions/local-audit.ts";
import type { AgentState, CommittedState } from "../settings/agent-state.ts";
import type { SettingsStore } from "../settings/settings-store.ts";
import { createAddressMover } from "./address-mover.ts";
import { connectionSettingsStatus, failedConnectionSettings } from "./agent-report.ts";
import type { CentralClock } from "./central-clock.ts";
import type { ControlLink } from "./control-link.ts";
import { dialOrder } from "./dial-order.ts";
import { createLevelMover } from "./level-mover.ts";
import type { NextMessage } from "./next-message.ts";
import { receiptMessage, withIdentity, type Keepers } from "./order-handler.ts";

/** What the keepers of identity, addresses and level need of the agent around them. */
export interface KeeperOptions {
  readonly store: SettingsStore;
  readonly audit: LocalAudit;
  readonly config: AgentConfig;
  readonly clock: Clock;
  readonly centralClock: CentralClock;
  readonly random: () => number;
  /** The level that every link is dialled at now. */
  readonly level: () => Level;
  /** Finds the shared key, at the levels that need one. */
  readonly findKey: () => Promise<unknown>;
  /** A renewed identity is in use. */
  readonly onRenewed: (state: CommittedState) => void;
  /** New addresses of central came into use. */
  readonly onMoved: (state: CommittedState) => void;
  /** A level above the one before came into use. */
  readonly onClimbed: (state: CommittedState) => void;
  readonly onProblem: (error: TautlineError) => void;
}

/**
 * Makes what works over the link while it lives; the link itself is made after them.
 *
 * @param options the agent around them
 * @param nextMessage what they want said goes with it
 * @param link given once it is made
 */
export function createKeepers(
  options: KeeperOptions,
  nextMessage: NextMessage,
  link: () => ControlLink,
): Keepers {
  const { store, clock, centralClock, config } = options;
  const tell = (receipt: InstructionReceipt): void => {
    nextMessage.enqueue(receiptMessage(receipt));
    link().wake();
  };
  const mover = createAddressMover({
    ...options,
    moveTo: (candidates) => link().moveTo(candidates),
    tell,
  });
  const levels = createLevelMover({
    ...options,
    climb: ({ level, addresses }) => {
      const known = dialOrder(config.central.addresses, withIdentity(store.state));
      return link().moveTo([...new Set([...addresses, ...known])], level);
    },
    tell,
  });
  const keeper = createRenewalKeeper({
    ...options,
    clock: { ...clock, now: centralClock.now },
    hostNow: clock.now,
    makeKeys: createAgentKeys,
    ask: (request) => {
      nextMessage.ask(request);
      link().wake();
    },
    moveOver: () => link().moveOver(),
    onChange: (failure) => reportIdentity(store.state, nextMessage, failure),
  });
  const certificates = createCertificateKeeper({
    ...options,
    certificates: config.certificates,
    clock: { ...clock, now: centralClock.now },
    hostNow: clock.now,
    rootsPem: () => withIdentity(store.state).identity.rootsPem,
    say: (message) => {
      nextMessage.enqueue(message);
      link().wake();
    },
  });
  return { keeper, mover, levels, certificates };
}

function reportIdentity(
  state: AgentState | undefined,
  nextMessage: NextMessage,
  failure: TautlineError | undefined,
): void {
  const status =
    failure === undefined
      ? connectionSettingsStatus(withIdentity(state))
      : failedConnectionSettings(failure.message);
  nextMessage.report({ connectionSettingsStatus: status });
}
