import { TautlineError } from "@tautline/protocol";
import { Http1Place } from "./http1-place.ts";
import { Http2Place } from "./http2-place.ts";
import type { KeptPlace } from "./kept-place.ts";
import type { Leg, LegEvents, LegRequest } from "./leg.ts";
import type { Upstreams, UpstreamsOptions, UpstreamState } from "./upstreams.ts";

const SECOND_MS = 1_000;
const DEFAULTS = {
  connectTimeoutMs: 10 * SECOND_MS,
  // Servers of gRPC end connections that ping more than once in five minutes.
  keepaliveMs: 310 * SECOND_MS,
  keepaliveTimeoutMs: 20 * SECOND_MS,
  firstRetryMs: SECOND_MS / 2,
  longestRetryMs: 30 * SECOND_MS,
  idleMs: 300 * SECOND_MS,
};

/**
 * Makes upstreams. Nothing is dialled before the first call or check.
 *
 * @param options places in the order in which they are preferred, times
 */
export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const { places, protocol, now, random } = options;
  const settings = { ...DEFAULTS, ...options };
  const onState = (state: UpstreamState): void => options.onState?.(state);
  const kept: readonly KeptPlace[] = places.map((place) => {
    const one = { ...settings, place, onState, now, random };
    return protocol === "h2" ? new Http2Place(one) : new Http1Place(one);
  });
  let isStopped = false;
  const open = (request: LegRequest, events: LegEvents): Leg | Promise<Leg> => {
    if (isStopped) throw new TautlineError("carry.stopping");
    return openNow(kept, request, events) ?? openSoon(kept, request, events);
  };
  return {
    protocol,
    states: () => kept.map(({ state }) => state),
    open,
    check: async (signal) => {
      if (isStopped) throw new TautlineError("carry.stopping");
      if (kept.some(({ state }) => state.state === "ready")) return;
      const { promise, reject } = Promise.withResolvers<never>();
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener("abort", abort, { once: true });
      try {
        await Promise.race([connectFirst(kept), promise]);
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
    stop: async (graceMs) => {
      isStopped = true;
      await Promise.all(kept.map((place) => place.stop(graceMs)));
    },
  };
}

/** By the first connection that stands; a better place that nobody has dialled yet is dialled for the calls to come. */
function openNow(
  kept: readonly KeptPlace[],
  request: LegRequest,
  events: LegEvents,
): Leg | Promise<Leg> | undefined {
  for (const [at, place] of kept.entries()) {
    const leg = place.open(request, events);
    if (leg === undefined) continue;
    for (const better of kept.slice(0, at)) {
      if (!better.isOut) void better.connect().catch(() => {});
    }
    return leg;
  }
  return undefined;
}

async function openSoon(
  kept: readonly KeptPlace[],
  request: LegRequest,
  events: LegEvents,
): Promise<Leg> {
  for (let tries = 0; tries < 2; tries += 1) {
    await connectFirst(kept);
    const leg = openNow(kept, request, events);
    if (leg !== undefined) return leg;
    // It was lost in the same moment.
  }
  throw noUpstream(kept);
}

/** Places that are out wait for their time, so that a call is answered at once where nothing works. */
async function connectFirst(kept: readonly KeptPlace[]): Promise<void> {
  for (const place of kept) {
    if (place.isOut) continue;
    try {
      return await place.connect();
    } catch {
      // The next one; why this one is out is kept with it.
    }
  }
  throw noUpstream(kept);
}

function noUpstream(kept: readonly KeptPlace[]): TautlineError {
  const [first] = kept;
  const error = first?.state.error;
  const reason = error === undefined ? "none is set." : `${error.message} ${error.remedy}`;
  const detail = { place: first?.state.name ?? "none", reason };
  return new TautlineError("carry.no_upstream", { detail, cause: error });
}
