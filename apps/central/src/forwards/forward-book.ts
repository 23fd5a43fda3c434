import { TautlineError } from "@tautline/protocol";
import { oneMoreRun } from "../revocation/one-more-run.ts";
import { readCounter } from "../store/counter.ts";
import type { Store } from "../store/store.ts";
import type { AllowanceDirection, ForwardAllowance } from "./allowance.ts";
import { allowanceOf, placeKey } from "./forward-rows.ts";

/** Who asks for a forward: an agent that proved its identity. */
export interface ForwardAsker {
  readonly id: string;
  readonly namespace: string;
}

/** An allowance that leads to a target. */
export interface TargetAllowance extends ForwardAllowance {
  readonly target: string;
}

/** Every allowance, held in memory: a stream that opens waits for no disk. */
export interface ForwardBook {
  /**
   * What an agent may have under a name: its own allowance, else its namespace's.
   *
   * @param agent that proved its identity; of a claim nothing may be given
   * @param name as the agent asks for it
   * @throws forward.not_allowed
   */
  forwardFor(agent: ForwardAsker, name: string): TargetAllowance;
  /**
   * What operators may open of an agent under a name: what is allowed of it alone, else of its namespace's agents.
   *
   * @param agent whose service it is
   * @param name as the operator asks for it
   * @throws forward.service_not_allowed
   */
  serviceFor(agent: ForwardAsker, name: string): ForwardAllowance;
  /**
   * Has a listener called after each change, whichever process made it; streams that run are then asked for again by `forwardFor`.
   *
   * @returns ends that
   */
  onChange(listener: () => void): () => void;
  /**
   * Reads the allowances anew where any process on this database has changed one; cheap where none has. Resolves when that is done.
   *
   * @throws store.*
   */
  look(): Promise<void>;
}

/**
 * Makes the book; it is empty until its first `look`, and whoever makes it calls that by the clock and after each change.
 *
 * @param store central's database
 */
export function createForwardBook(store: Store): ForwardBook {
  let seen: number | undefined;
  let known = new Map<string, ForwardAllowance>();
  const listeners = new Set<() => void>();
  const lookOnce = async (): Promise<void> => {
    const changes = await readCounter(store, "forwards");
    if (changes === seen) return;
    known = await readAll(store);
    // Counted before the rows were read: what changed meanwhile is read again at the next look.
    seen = changes;
    for (const listener of listeners) listener();
  };
  // What is allowed of the other direction under the same name hides nothing.
  const find = (
    { id, namespace }: ForwardAsker,
    name: string,
    direction: AllowanceDirection,
  ): ForwardAllowance | undefined =>
    [
      known.get(placeKey({ name, namespace, agentId: id })),
      known.get(placeKey({ name, namespace })),
    ]
      .filter((each) => each?.direction === direction)
      .find((each) => each !== undefined);
  return {
    forwardFor: (agent, name) => {
      const found = find(agent, name, "out");
      if (isForTarget(found)) return found;
      throw new TautlineError("forward.not_allowed", { detail: { name, id: agent.id } });
    },
    serviceFor: (agent, name) => {
      const found = find(agent, name, "in");
      if (found !== undefined) return found;
      throw new TautlineError("forward.service_not_allowed", { detail: { name, id: agent.id } });
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    look: oneMoreRun(lookOnce),
  };
}

function isForTarget(allowance: ForwardAllowance | undefined): allowance is TargetAllowance {
  return allowance !== undefined && allowance.target !== null;
}

async function readAll(store: Store): Promise<Map<string, ForwardAllowance>> {
  const rows = await store.read((db) => db.selectFrom("forwards").selectAll().execute());
  return new Map(
    rows.map((row) => [
      placeKey({ name: row.name, namespace: row.namespace, agentId: row.agent_id }),
      allowanceOf(row),
    ]),
  );
}
