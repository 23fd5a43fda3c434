import { type Level, LEVELS, levelsFrom, type LinkPolicy, TautlineError } from "@tautline/protocol";

/** A policy as a request writes it: `floor` is sugar for a set of levels. */
export interface PolicyOrder {
  readonly floor?: Level | undefined;
  readonly accept?: readonly Level[] | undefined;
  readonly clientProof: LinkPolicy["clientProof"];
  readonly postQuantum: LinkPolicy["postQuantum"];
  readonly loopback: LinkPolicy["loopback"];
}

/**
 * Makes the policy that a request asks for.
 *
 * @param order either `floor` or `accept`
 * @returns its levels in rising order, each once; with `tls` there is `mtls`
 * @throws api.invalid where neither or both say which levels, or none is left
 */
export function wantedPolicy(order: PolicyOrder): LinkPolicy {
  const { floor, accept, clientProof, postQuantum, loopback } = order;
  if ((floor === undefined) === (accept === undefined)) {
    throw invalid("floor", "either 'floor' or 'accept' says which levels are wanted");
  }
  const asked = accept ?? levelsFrom(floor ?? "mtls");
  if (asked.length === 0) throw invalid("accept", "at least one level has to be accepted");
  const has = (level: Level): boolean =>
    asked.includes(level) || (level === "mtls" && asked.includes("tls"));
  return { accept: LEVELS.filter(has), clientProof, postQuantum, loopback };
}

function invalid(path: string, reason: string): TautlineError {
  return new TautlineError("api.invalid", { detail: { path, reason } });
}
