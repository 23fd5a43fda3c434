import { type CryptoChoice, KEY_EXCHANGE_GROUPS, TLS13_SUITES } from "@tautline/link";
import { z } from "zod";

/** The settings `central.keyExchange` and `central.suites`. */
export const cryptoSettings = {
  keyExchange: z
    .array(z.enum(KEY_EXCHANGE_GROUPS))
    .min(1)
    .refine(isWithoutTwins, "a group stands there twice")
    .optional()
    .describe(
      "Key-exchange groups offered at the levels advanced, tls and mtls, best first. Not set: X25519MLKEM768, X25519, P-256. Groups with MLKEM alone are never traded for a classical exchange.",
    ),
  suites: z
    .array(z.enum(TLS13_SUITES))
    .min(1)
    .refine(isWithoutTwins, "a suite stands there twice")
    .optional()
    .describe(
      "Suites of TLS 1.3 offered at the levels tls and mtls, best first. Not set: all, in this order. At `advanced` it is `TLS_AES_128_GCM_SHA256`, the one an external key fits.",
    ),
};

/** They as the program reads them. */
export interface CryptoSettings {
  readonly keyExchange?: CryptoChoice["groups"];
  readonly suites?: CryptoChoice["suites"];
}

/**
 * Which cryptography the agent offers central.
 *
 * @param central the part `central` of the settings
 */
export function offeredCrypto({ keyExchange: groups, suites }: CryptoSettings): CryptoChoice {
  return { groups, suites };
}

function isWithoutTwins(list: readonly string[]): boolean {
  return new Set(list).size === list.length;
}
