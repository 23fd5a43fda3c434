import type { Leg, LegEvents, LegRequest } from "./leg.ts";
import type { UpstreamState } from "./upstreams.ts";

/** One place with whatever connections there are to it. */
export interface KeptPlace {
  readonly state: UpstreamState;
  /** It failed, and its time to be tried again has not come. */
  readonly isOut: boolean;
  /** @returns undefined where no connection stands; soon, where those that stand are full */
  open(request: LegRequest, events: LegEvents): Leg | Promise<Leg> | undefined;
  /** Connects, if that is not under way. Rejects with why not. */
  connect(): Promise<void>;
  stop(graceMs: number): Promise<void>;
}
