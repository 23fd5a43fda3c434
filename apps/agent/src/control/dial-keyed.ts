import {
  basicPsk,
  connectTcp,
  dialAdvanced,
  dialBasic,
  dialWithin,
  formatHostPort,
  tlsBinding,
} from "@tautline/link";
import { requireLevel, wayTo, type DialLimits } from "./dial-way.ts";
import type { FoundKey } from "./key-file.ts";
import type { Dial, SecuredSocket } from "./transport.ts";

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
  return async (address, callOff) => {
    const way = wayTo(address, level, limits);
    const found = await findKey();
    const link = await dialWithin({ ...way, signal: callOff }, async (signal) => {
      const socket = await connectTcp({ ...way, signal });
      // That nobody else holds the key is central's to know; so this end is never surer than that somebody who holds it answers.
      const { host, port, timeoutMs, now, crypto } = way;
      const how = {
        address: formatHostPort(host, port),
        host,
        isBound: false,
        timeoutMs,
        signal,
        now,
      };
      return level === "basic"
        ? overBasic(socket, { ...how, ...found })
        : overAdvanced(socket, { ...how, ...found, crypto });
    });
    return requireLevel(level, address, link);
  };
}

type Socket = Parameters<typeof dialBasic>[0];
type Common = Omit<Parameters<typeof dialBasic>[1], "psk"> &
  Pick<FoundKey, "sharedKey"> & { readonly host: string };

async function overBasic(
  socket: Socket,
  { sharedKey, ...options }: Common,
): Promise<SecuredSocket> {
  const link = await dialBasic(socket, { ...options, psk: basicPsk(sharedKey) });
  const { stream, evidence, handshakeHash } = link;
  return { socket: stream, evidence, binding: () => handshakeHash };
}

async function overAdvanced(
  socket: Socket,
  options: Common & Pick<DialLimits, "crypto">,
): Promise<SecuredSocket> {
  const { stream, evidence } = await dialAdvanced(socket, options);
  return { socket: stream, evidence, binding: () => tlsBinding(stream) };
}
