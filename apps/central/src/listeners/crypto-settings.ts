import { type CryptoChoice, KEY_EXCHANGE_GROUPS, TLS13_SUITES } from "@tautline/link";
import { z } from "zod";

/** The settings `agents.keyExchange` and `agents.suites`. */
export const cryptoSettings = {
  keyExchange: z
    .array(z.enum(KEY_EXCHANGE_GROUPS))
    .min(1)
    .refine(isWithoutTwins, "a group stands there twice")
    .optional()
    .describe(
      "Key-exchange groups accepted at the levels advanced, tls and mtls, best first; a caller that has a better one is asked for it. Not set: X25519MLKEM768, X25519, P-256. Groups with MLKEM alone refuse every classical exchange, TLS 1.2 included.",
    ),
  suites: z
    .array(z.enum(TLS13_SUITES))
    .min(1)
    .refine(isWithoutTwins, "a suite stands there twice")
    .optional()
    .describe(
      "Suites of TLS 1.3 accepted at the levels tls and mtls, best first. Not set: all, in this order. At `advanced` it is `TLS_AES_128_GCM_SHA256`, the one an external key fits.",
    ),
};

/** They as the program reads them. */
export interface CryptoSettings {
  readonly keyExchange?: CryptoChoice["groups"];
  readonly suites?: CryptoChoice["suites"];
}

/**
 * Which cryptography the agents' ports accept.
 *
 * @param agents the part `agents` of the settings
 */
export function acceptedCrypto({ keyExchange: groups, suites }: CryptoSettings): CryptoChoice {
  return { groups, suites };
}

function isWithoutTwins(list: readonly string[]): boolean {
  return new Set(list).size === list.length;
}
