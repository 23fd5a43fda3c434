import { lookup as systemLookup } from "node:dns/promises";
import type { Socket } from "node:net";
import { connectTcp, type HostPort } from "@tautline/link";
import type { TargetAllowance } from "./forward-book.ts";
import { FORWARD_LIMITS } from "./forward-limits.ts";
import type { OwnPlaces } from "./own-places.ts";
import { type ProxyEndpoints, proxyHeader } from "./proxy-header.ts";
import { unreachable } from "./target-failure.ts";
import { parseForwardTarget, permittedAddresses } from "./target-rule.ts";

/** Gives every address of a name, in the order to try; rejects with Node's own codes. */
export type LookupAll = (name: string) => Promise<readonly string[]>;

/** What a dial is given. */
export interface DialTargetOptions {
  readonly own: OwnPlaces;
  /** Both ends of what is passed on, for the PROXY header where the allowance asks for one; unknown is UNSPEC. */
  readonly endpoints?: ProxyEndpoints | undefined;
  /** Calls the dial off; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** For lookup and all tries together; milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** The system's own way unless told. */
  readonly lookup?: LookupAll | undefined;
}

/** A connection to a target. */
export interface DialledTarget {
  /** Open both ways, each ending by itself; what the target says stays unread until it is read. Has a listener for errors. */
  readonly socket: Socket;
  /** The judged address that it goes to: for the log and the trail, not for the agent. */
  readonly address: HostPort;
}

/** What of an allowance a dial goes by. */
export type DialledAllowance = Pick<
  TargetAllowance,
  "name" | "target" | "alsoLocal" | "proxyProtocol"
>;

/**
 * Connects to the target of an allowance: its name is looked up once, every address is judged, and the connection is made to a judged
 * address and not to the name, so that a name which changes in between leads nowhere else (DESIGN promise 9).
 *
 * @param allowance as `forwardFor` gives it
 * @param options where central listens, the PROXY header's ends, limits
 * @throws forward.target_forbidden, forward.target_unreachable, and the signal's reason
 */
export async function dialTarget(
  allowance: DialledAllowance,
  options: DialTargetOptions,
): Promise<DialledTarget> {
  const { own, endpoints, signal, timeoutMs = FORWARD_LIMITS.dialMs, lookup = lookupAll } = options;
  const { name, alsoLocal, proxyProtocol } = allowance;
  const target = { ...parseForwardTarget(allowance.target), alsoLocal };
  const dial = new Dial(name, timeoutMs, signal);
  try {
    const found = target.isAddress ? [target.host] : await dial.within(lookup(target.host));
    if (found.length === 0) throw unreachable(name, failure("ENODATA"));
    const addresses = found.slice(0, FORWARD_LIMITS.addresses);
    const permitted = permittedAddresses(name, target, addresses, own);
    const dialled = await dial.connect(permitted, target.port);
    if (proxyProtocol) dialled.socket.write(proxyHeader(endpoints));
    return dialled;
  } finally {
    dial.end();
  }
}

async function lookupAll(name: string): Promise<readonly string[]> {
  const found = await systemLookup(name, { all: true, order: "verbatim" });
  return found.map(({ address }) => address);
}

/** One dial under one limit of time. */
class Dial {
  readonly #name: string;
  readonly #endMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #late = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(name: string, timeoutMs: number, outer: AbortSignal | undefined) {
    outer?.throwIfAborted();
    this.#name = name;
    this.#outer = outer;
    this.#endMs = performance.now() + timeoutMs;
    this.#timer = setTimeout(() => this.#late.abort(failure("ETIMEDOUT")), timeoutMs);
  }

  /** A lookup cannot be called off; one that is late is left to itself. */
  async within<T>(work: Promise<T>): Promise<T> {
    const signal = this.#signal();
    const { promise: over, reject } = Promise.withResolvers<never>();
    const cancel = (): void => reject(signal.reason);
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return await Promise.race([work, over]);
    } catch (error) {
      throw this.#named(error);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Each address gets an equal part of the time that is left, so that a silent one leaves some to the next. */
  async connect(addresses: readonly string[], port: number): Promise<DialledTarget> {
    let last: unknown;
    for (const [at, host] of addresses.entries()) {
      const leftMs = Math.max(0, this.#endMs - performance.now());
      const own = AbortSignal.timeout(Math.ceil(leftMs / (addresses.length - at)));
      try {
        const signal = AbortSignal.any([own, this.#signal()]);
        const socket = await connectTcp({ host, port, signal });
        return { socket, address: { host, port } };
      } catch (error) {
        last = own.aborted ? failure("ETIMEDOUT") : error;
        if (this.#outer?.aborted === true || this.#late.signal.aborted) break;
      }
    }
    throw this.#named(last);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #signal(): AbortSignal {
    const outer = this.#outer === undefined ? [] : [this.#outer];
    return AbortSignal.any([this.#late.signal, ...outer]);
  }

  #named(error: unknown): unknown {
    return this.#outer?.aborted === true ? this.#outer.reason : unreachable(this.#name, error);
  }
}

/** As Node would report it. */
function failure(code: "ETIMEDOUT" | "ENODATA"): Error {
  return Object.assign(new Error(code), { code });
}
