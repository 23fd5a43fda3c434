import { dialPlaintext } from "@tautline/link";
import { wayTo, type DialLimits } from "./dial-way.ts";
import type { Dial } from "./transport.ts";

/**
 * Dials without any protection (level `plaintext`): only where this host's own settings say so.
 *
 * @param limits time
 */
export function plaintextDial(limits: DialLimits): Dial {
  return async (address, signal) =>
    await dialPlaintext({ ...wayTo(address, "plaintext", limits), signal });
}
