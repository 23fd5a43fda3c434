import { isDeepStrictEqual } from "node:util";
import type { Logger } from "@tautline/daemon";
import {
  createUpstreams,
  type UpstreamPlace,
  type Upstreams,
  type UpstreamState,
} from "@tautline/link";
import type { Backend } from "./backend.ts";
import { whyOut } from "./backend-failure.ts";
import { connectBackend, type ConnectDeps } from "./connect-backend.ts";

/** The places of every backend, connected to when a call needs them. */
export interface BackendUpstreams {
  /** Undefined for a backend that is gone. */
  of(name: string): Upstreams | undefined;
  /** In the order to try; none for a backend that is gone. */
  states(name: string): readonly PlaceState[];
  /** Connects to the first place that works, if none does yet; resolves when that is known, or after a time. Never rejects. */
  check(name: string, timeoutMs: number): Promise<void>;
  /** Follows a change: places of backends that are as they were are not touched, calls of those that are gone are given a moment. */
  follow(backends: readonly Backend[]): void;
  stop(graceMs: number): Promise<void>;
}

/** How a place of a backend is. */
export interface PlaceState extends UpstreamState {
  /** "host:port" as it was added. */
  readonly target: string;
}

/** What they need. */
export interface BackendUpstreamsDeps extends ConnectDeps {
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

interface Held {
  readonly backend: Backend;
  readonly upstreams: Upstreams;
}

/** For calls of a backend that was removed. */
const REMOVED_GRACE_MS = 2_000;

/**
 * Makes the table of backends' places, with none in it.
 *
 * @param deps how backends are connected to, log, clock
 */
export function createBackendUpstreams(deps: BackendUpstreamsDeps): BackendUpstreams {
  const held = new Map<string, Held>();
  const stopping = new Set<Promise<void>>();
  const retire = (upstreams: Upstreams, graceMs: number): void => {
    const work = upstreams
      .stop(graceMs)
      .catch((error: unknown) => deps.log.error({ err: error }, "a backend was not let go of"))
      .finally(() => stopping.delete(work));
    stopping.add(work);
  };
  return {
    of: (name) => held.get(name)?.upstreams,
    states: (name) => {
      const one = held.get(name);
      if (one === undefined) return [];
      const { targets } = one.backend;
      return one.upstreams
        .states()
        .map((state, at) => Object.assign({ target: targets[at] ?? "" }, state));
    },
    check: async (name, timeoutMs) => {
      // What it found stands in the states.
      await held
        .get(name)
        ?.upstreams.check(AbortSignal.timeout(timeoutMs))
        .catch(() => {});
    },
    follow: (backends) => {
      const wanted = new Map(backends.map((each) => [each.name, each]));
      for (const [name, { backend, upstreams }] of held) {
        if (isDeepStrictEqual(wanted.get(name), backend)) continue;
        held.delete(name);
        retire(upstreams, REMOVED_GRACE_MS);
      }
      for (const [name, backend] of wanted) {
        if (!held.has(name)) held.set(name, { backend, upstreams: upstreamsOf(deps, backend) });
      }
    },
    stop: async (graceMs) => {
      for (const { upstreams } of held.values()) retire(upstreams, graceMs);
      held.clear();
      await Promise.all(stopping);
    },
  };
}

function upstreamsOf(deps: BackendUpstreamsDeps, backend: Backend): Upstreams {
  const { log, random } = deps;
  const places = backend.targets.map((target, at): UpstreamPlace => ({
    // Callers are told it: of several places by number, and never by address.
    name: backend.targets.length === 1 ? backend.name : `${backend.name}, place ${at + 1}`,
    authority: target,
    scheme: backend.tls === "off" ? "http" : "https",
    connect: (signal) => connectBackend(deps, { backend, target }, signal),
  }));
  return createUpstreams({
    places,
    protocol: backend.protocol === "grpc" ? "h2" : "http/1.1",
    now: performance.now.bind(performance),
    random,
    onState: ({ name: place, state, error }) => {
      const facts = { backend: backend.name, place, state };
      if (error === undefined) log.info(facts, "a backend's place has changed");
      else log.warn({ ...facts, code: error.code, remedy: error.remedy }, whyOut(error));
    },
  });
}
