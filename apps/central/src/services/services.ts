import type { Duplex } from "node:stream";
import { ForwardChannel } from "@tautline/link";
import { TautlineError } from "@tautline/protocol";
import { LOCAL_PRINCIPAL } from "../operators/principal.ts";
import { judgeCall, openService, type OpenServiceDeps, type ServiceCall } from "./open-service.ts";

/** An operator's connection after its upgrade. */
export interface OperatorLink {
  readonly socket: Duplex;
  /** What came behind the upgrade already. */
  readonly head: Uint8Array;
}

/** The services of agents, as operators open them. */
export interface Services {
  /** @throws forward.service_not_allowed, api.forbidden */
  judge(call: Pick<ServiceCall, "who" | "agent" | "service">): void;
  /** Carries an operator's streams, one after the other, until its link is closed; gives what ends that with a reason. */
  serve(call: ServiceCall, link: OperatorLink): (reason: TautlineError) => void;
  /** Ends what operators have open who may do nothing any more; those of the admin socket are none of them. */
  endOthers(isActive: (name: string) => boolean): void;
  /** Lets running streams come to their end for a moment, then ends them. */
  stop(): Promise<void>;
}

/** How long running streams may go on when central stops. */
const DRAIN_MS = 2_000;

/**
 * Makes the operators' end of services.
 *
 * @param deps allowances, links of agents, tables, trail and clock
 */
export function createServices(deps: OpenServiceDeps): Services {
  const open = new Map<ForwardChannel, string>();
  return {
    judge: (call) => void judgeCall(deps.book, call),
    serve: (call, { socket, head }) => {
      const address = `operator ${call.who.name}`;
      const now = performance.now.bind(performance);
      const channel = new ForwardChannel({ secured: socket, head, role: "accepter", address, now });
      open.set(channel, call.who.name);
      void channel.closed.then(() => open.delete(channel));
      channel.onOpen((opening) => void openService(deps, call, channel, opening));
      return (reason) => channel.destroy(reason);
    },
    endOthers: (isActive) => {
      for (const [channel, name] of open) {
        if (name === LOCAL_PRINCIPAL.name || isActive(name)) continue;
        channel.destroy(new TautlineError("forward.operator_ended", { detail: { name } }));
      }
    },
    stop: async () => {
      const reason = new TautlineError("central.stopping");
      for (const channel of open.keys()) channel.announceClose(reason);
      const timer = setTimeout(() => {
        for (const channel of open.keys()) channel.destroy(reason);
      }, DRAIN_MS);
      await Promise.all([...open.keys()].map(({ closed }) => closed));
      clearTimeout(timer);
    },
  };
}
