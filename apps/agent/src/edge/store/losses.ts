import { type EdgeLossReason, printableText } from "@tautline/protocol";

/** Calls of one client that were lost for one reason. */
export interface Loss {
  readonly client: string;
  readonly reason: EdgeLossReason;
  readonly calls: number;
}

/** Where it is no longer known whose call it was. */
export const UNKNOWN_CLIENT = "unknown";
/** A program that gives itself a new name each time must not fill memory. */
const MOST_CLIENTS = 64;
const OTHERS = "others";
const LONGEST_CLIENT = 64;

/** Counts of what was lost, by client and reason (SWP-9). */
export interface Losses {
  add(client: string, reason: EdgeLossReason, calls?: number): void;
  /** In the order in which they were first met. */
  readonly list: readonly Loss[];
}

/**
 * Makes counts that go on from earlier ones.
 *
 * @param before what was counted before, if it was
 */
export function createLosses(before: readonly Loss[] = []): Losses {
  const counts = new Map<string, Map<EdgeLossReason, number>>();
  const add = (client: string, reason: EdgeLossReason, calls = 1): void => {
    const isNew = !counts.has(client);
    const name = isNew && counts.size >= MOST_CLIENTS ? OTHERS : client;
    const its = counts.get(name) ?? new Map<EdgeLossReason, number>();
    counts.set(name, its.set(reason, (its.get(reason) ?? 0) + calls));
  };
  for (const { client, reason, calls } of before) add(client, reason, calls);
  return {
    add,
    get list() {
      return [...counts].flatMap(([client, its]) =>
        [...its].map(([reason, calls]): Loss => ({ client, reason, calls })),
      );
    },
  };
}

/**
 * Names the program that made a call, as far as it names itself: anybody on this host may say anything.
 *
 * @param userAgent header of the call
 */
export function clientOf(userAgent: string | undefined): string {
  const name = printableText((userAgent ?? "").trim(), LONGEST_CLIENT);
  return name === "" ? UNKNOWN_CLIENT : name;
}
