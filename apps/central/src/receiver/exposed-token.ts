import { TautlineError } from "@tautline/protocol";
import type { ClientStore } from "./client-store.ts";
import { tokensIn } from "./metadata-rule.ts";
import type { ReceiverBook } from "./receiver-book.ts";

/** Ends tokens of clients that were shown where others could read them and nobody serves them. */
export interface ExposedTokens {
  /**
   * @param authorization value of the header, as a refused caller sent it
   * @returns what he is told of it; undefined where it is no token of a client. Never rejects
   */
  endShown(authorization: string): Promise<TautlineError | undefined>;
}

/**
 * Makes what ends them.
 *
 * @param deps tokens, and what revokes them
 */
export function createExposedTokens({
  book,
  clients,
}: {
  readonly book: Pick<ReceiverBook, "prove">;
  readonly clients: Pick<ClientStore, "revoke">;
}): ExposedTokens {
  return {
    endShown: async (authorization) => {
      const [found] = tokensIn({ authorization });
      const shown = found?.token && book.prove(found.token);
      if (shown?.kind !== "proven") return undefined;
      const { name, tokenId: id } = shown.client;
      await clients
        .revoke({ name, id, actor: "central", why: "seen in plaintext" })
        // It could not be written down: he is told all the same that it has to be replaced.
        .catch(() => {});
      return new TautlineError("receiver.token_exposed");
    },
  };
}
