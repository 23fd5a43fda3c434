import { formatTimestamp, OFFER_HEADER, TIME_HEADER } from "@tautline/protocol";

/** What central says of itself beside what was asked. */
export interface SaidWithAnswers {
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
  /** As `formatOffer` writes it. */
  readonly offer?: (() => string) | undefined;
}

/**
 * The headers that go with every answer of a port, refusals too: central's time, its version and the levels it accepts. They name
 * nobody, so strangers may read them.
 *
 * @param said what this port says of itself
 */
export function saidWithAnswers({ now, offer }: SaidWithAnswers): Readonly<Record<string, string>> {
  return {
    ...(now && { [TIME_HEADER]: formatTimestamp(now()) }),
    ...(offer && { [OFFER_HEADER]: offer() }),
  };
}
