import type { Leg, LegEvents, LegRequest, Upstreams } from "@tautline/link";
import type { EmptyReply } from "./keepable-call.ts";
import { emptyReplyTo } from "./keepable-call.ts";
import { type KeepOptions, openKeepLeg } from "./keep-leg.ts";

/**
 * Leads calls onward, and keeps those that may be kept while nobody can take them.
 *
 * @param onward where calls go; asked at each call, as it is made anew when the agent's identity is
 * @param keep how calls are kept; undefined keeps none
 */
export function keepingUpstreams(
  onward: () => Upstreams,
  keep: Omit<KeepOptions, "onward"> | undefined,
): Upstreams {
  return {
    protocol: "h2",
    open: (request: LegRequest, events: LegEvents): Leg | Promise<Leg> => {
      const reply = keep === undefined ? undefined : replyTo(request);
      if (keep === undefined || reply === undefined) return onward().open(request, events);
      return openKeepLeg(request, reply, events, { ...keep, onward });
    },
    states: () => onward().states(),
    check: (signal) => onward().check(signal),
    stop: (graceMs) => onward().stop(graceMs),
  };
}

function replyTo({ method, path, headers }: LegRequest): EmptyReply | undefined {
  const at = headers.findIndex((one, index) => index % 2 === 0 && one === "content-type");
  const contentType = at === -1 ? undefined : headers[at + 1];
  const isGrpc = contentType !== undefined && /^application\/grpc(?:$|[+;])/i.test(contentType);
  return emptyReplyTo({ method, path, isGrpc, contentType });
}
