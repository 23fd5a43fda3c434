import { isDeepStrictEqual } from "node:util";
import type { Logger } from "@tautline/daemon";
import {
  createUpstreams,
  type UpstreamPlace,
  type Upstreams,
  type UpstreamState,
} from "@tautline/link";
import type { Backend } from "./backend.ts";
import { connectBackend, type ConnectDeps } from "./connect-backend.ts";

/** The places of every backend, connected to when a call needs them. */
export interface BackendUpstreams {
  /** Undefined for a backend that is gone. */
  of(name: string): Upstreams | undefined;
  states(name: string): readonly UpstreamState[];
  /** Follows a change: places of backends that are as they were are not touched, calls of those that are gone are given a moment. */
  follow(backends: readonly Backend[]): void;
  stop(graceMs: number): Promise<void>;
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
    states: (name) => held.get(name)?.upstreams.states() ?? [],
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
  const places = backend.targets.map((target): UpstreamPlace => ({
    name: target,
    authority: target,
    scheme: backend.tls === "off" ? "http" : "https",
    connect: (signal) => connectBackend(deps, { backend, target }, signal),
  }));
  return createUpstreams({
    places,
    protocol: backend.protocol === "grpc" ? "h2" : "http/1.1",
    now: performance.now.bind(performance),
    random,
    onState: ({ name: target, state, error }) => {
      const facts = { backend: backend.name, target, state };
      if (error === undefined) log.info(facts, "a backend's place has changed");
      else log.warn({ ...facts, code: error.code, remedy: error.remedy }, error.message);
    },
  });
}
