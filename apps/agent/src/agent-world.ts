import type { Logger } from "@tautline/daemon";
import type { LinkEvidence, TautlineError } from "@tautline/protocol";
import type { Clock } from "./clock.ts";
import type { AgentConfig } from "./config.ts";
import type { HostFacts } from "./control/agent-report.ts";
import type { DataFolder } from "./data-folder.ts";
import type { CommittedState, JoinTicket } from "./settings/agent-state.ts";

/** The world around an agent; everything that is not its own comes in here. */
export interface AgentWorld {
  readonly folder: DataFolder;
  readonly config: AgentConfig;
  /** Texts of keys by name that came with an old settings file and stand in no file of their own. */
  readonly keyTexts?: ReadonlyMap<string, string>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Where central is asked first, before all that settings and instructions say; it must prove itself all the same. */
  readonly firstAddresses?: readonly string[];
  /** Uniform in [0, 1); spreads reconnects. */
  readonly random: () => number;
  readonly readVariable: (name: string) => string | undefined;
  readonly host: HostFacts;
  /** Told of problems instead of the log. */
  readonly onProblem?: (error: TautlineError) => void;
  /** Told once when central says that an operator decides about the join. */
  readonly onWaiting?: (agentId: string, code: string) => void;
  /** Told at each first answer of a link. */
  readonly onConnected: (agentId: string, address: string, evidence: LinkEvidence) => void;
  /** Told at each renewed identity once it is in use. */
  readonly onRenewed: (state: CommittedState) => void;
}

/** How an agent is to be joined. */
export interface JoinWish {
  /** The token given now, if one was. */
  readonly ticket: JoinTicket | undefined;
  readonly name: string;
  /** Rounds through central's addresses before it gives up. */
  readonly maxRounds: number;
  /** Where an operator decides: wait for it. */
  readonly mayWait: boolean;
}
