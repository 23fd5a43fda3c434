import type { TautlineError } from "@tautline/protocol";

/** How the last try at one of central's addresses went. */
export interface AddressAttempt {
  readonly address: string;
  /** RFC 3339 in UTC. */
  readonly at: string;
  /** Empty where central answered. */
  readonly code: string;
  /** The error's sentence; empty where central answered. */
  readonly text: string;
}

/** What this process learnt of central's addresses. */
export interface AddressBook {
  /** The addresses with the one that answered last in front, else in the order given. */
  order(addresses: readonly string[]): readonly string[];
  /** Notes how a try ended; no error means that central answered. */
  note(address: string, error?: TautlineError): void;
  /** The last try at each address, in the order of the first tries. */
  readonly attempts: readonly AddressAttempt[];
}

/** Addresses come from settings, tokens and instructions, sixteen at most each; what is older is forgotten. */
const MAX_REMEMBERED = 48;

/**
 * Makes an empty address book.
 *
 * @param now milliseconds since 1970-01-01T00:00:00Z
 */
export function createAddressBook(now: () => number): AddressBook {
  const attempts = new Map<string, AddressAttempt>();
  let best: string | undefined;
  return {
    order(addresses) {
      const unique = [...new Set(addresses)];
      if (best === undefined || !unique.includes(best)) return unique;
      return [best, ...unique.filter((address) => address !== best)];
    },
    note(address, error) {
      if (error === undefined) best = address;
      const at = new Date(now()).toISOString();
      attempts.set(address, { address, at, code: error?.code ?? "", text: error?.message ?? "" });
      const [oldest] = attempts.keys();
      if (attempts.size > MAX_REMEMBERED && oldest !== undefined) attempts.delete(oldest);
    },
    get attempts() {
      return [...attempts.values()];
    },
  };
}
