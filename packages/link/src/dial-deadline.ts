import { TautlineError } from "@tautline/protocol";
import { formatHostPort } from "./addresses.ts";
import { nameTlsFailure } from "./tls-failure.ts";

/** What a dial has to keep to. */
export interface DialDeadline {
  readonly host: string;
  readonly port: number;
  /** For name lookup, proxy, connecting and handshake together. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Dials under one limit of time for all of its steps, and names why it failed.
 *
 * @param options address, limit, and who may call it off
 * @param dial the steps; each has to end when its signal aborts
 * @throws link.cancelled, link.timeout, what `dial` throws, and else as `nameTlsFailure`
 */
export async function dialWithin<Link>(
  options: DialDeadline,
  dial: (signal: AbortSignal) => Promise<Link>,
): Promise<Link> {
  const { host, port, timeoutMs } = options;
  const address = formatHostPort(host, port);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const signals = [late.signal, ...(options.signal === undefined ? [] : [options.signal])];
  const signal = AbortSignal.any(signals);
  try {
    signal.throwIfAborted();
    return await dial(signal);
  } catch (error) {
    if (options.signal?.aborted === true) {
      throw new TautlineError("link.cancelled", { detail: { address }, cause: error });
    }
    if (late.signal.aborted) {
      throw new TautlineError("link.timeout", { detail: { address, timeoutMs }, cause: error });
    }
    throw nameTlsFailure(error, { address, timeoutMs });
  } finally {
    clearTimeout(timer);
  }
}
