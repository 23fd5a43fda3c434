import { dialKeyed } from "@tautline/link";
import { requireLevel, wayTo, type DialLimits } from "./dial-way.ts";
import type { FoundKey } from "./key-file.ts";
import type { Dial } from "./transport.ts";

/**
 * Dials by a key that central shares (levels `basic` and `advanced`), and at no other level whatever happens (A24, F17).
 *
 * @param level the one that was configured
 * @param findKey gives the key, at each dial anew
 * @param limits time
 */
export function keyedDial(
  level: "basic" | "advanced",
  findKey: () => Promise<FoundKey>,
  limits: DialLimits,
): Dial {
  return async (address, signal) => {
    const way = wayTo(address, level, limits);
    const link = await dialKeyed(level, { ...way, ...(await findKey()), signal });
    return requireLevel(level, address, link);
  };
}
