import { type Level, type LinkPolicy, OPEN_POLICY } from "@tautline/protocol";
import { oneMoreRun } from "../revocation/one-more-run.ts";
import { readCounter } from "../store/counter.ts";
import type { Store } from "../store/store.ts";
import { keepsLoopback, neededLevels } from "./needed-levels.ts";
import { POLICY_KINDS, type PolicyKind } from "./policy-kind.ts";
import {
  exceptionOfRow,
  type PolicyException,
  type PolicyPlace,
  policyOfRow,
  type SetPolicy,
} from "./policy-rows.ts";

/** Every policy and exception, held in memory: a caller that arrives waits for no disk. */
export interface PolicyBook {
  /** What is asked of links; `OPEN_POLICY` where nobody set anything. */
  policyOf(namespace: string, kind: PolicyKind): LinkPolicy;
  exceptionOf(agentId: string, kind: PolicyKind): PolicyException | undefined;
  /** Whether anybody is excepted there at a level: of who has not said its id yet, more is not known. */
  hasExceptionAt(place: PolicyPlace, level: Level): boolean;
  exceptions(): readonly PolicyException[];
  /** Those that somebody set. */
  policies(): readonly SetPolicy[];
  /** Every place where a policy stands or could: each namespace with each kind, by name. */
  places(): readonly PolicyPlace[];
  /** What listeners have to hear: every level that some namespace accepts or some exception is for, in rising order. */
  neededLevels(): readonly Level[];
  /** Whether plaintext of this host alone is to go on somewhere (QM-13). */
  keepsLoopback(): boolean;
  /**
   * Has a listener called after each change, whichever process made it.
   *
   * @returns ends that
   */
  onChange(listener: () => void): () => void;
  /**
   * Reads everything anew where any process on this database has changed something; cheap where none has. Resolves when that is
   * done and every listener was told.
   *
   * @throws store.*
   */
  look(): Promise<void>;
}

/** What was read. */
interface Known {
  readonly places: readonly PolicyPlace[];
  readonly policies: ReadonlyMap<string, SetPolicy>;
  readonly exceptions: ReadonlyMap<string, PolicyException>;
  /** Places and levels at which there is an exception. */
  readonly excepted: ReadonlySet<string>;
}

const NOTHING: Known = {
  places: [],
  policies: new Map(),
  exceptions: new Map(),
  excepted: new Set(),
};

/**
 * Makes the book; it is empty until its first `look`, and whoever makes it calls that by the clock and after each change.
 *
 * @param store central's database
 */
export function createPolicyBook(store: Store): PolicyBook {
  let seen: number | undefined;
  let known = NOTHING;
  const listeners = new Set<() => void>();
  const lookOnce = async (): Promise<void> => {
    const changes = await readCounter(store, "policies");
    if (changes === seen) return;
    known = await readAll(store);
    // Counted before the rows were read: what changed meanwhile is read again at the next look.
    seen = changes;
    for (const listener of listeners) listener();
  };
  const policyOf = (namespace: string, kind: PolicyKind): LinkPolicy =>
    known.policies.get(keyOf(namespace, kind))?.policy ?? OPEN_POLICY;
  // Nobody's port is kept open for telemetry unless somebody said what it may come at: its own ports are no business of policies.
  const everyPolicy = (): LinkPolicy[] =>
    known.places
      .filter(
        ({ namespace, kind }) => kind !== "receiver" || known.policies.has(keyOf(namespace, kind)),
      )
      .map(({ namespace, kind }) => policyOf(namespace, kind));
  const exceptions = (): readonly PolicyException[] => [...known.exceptions.values()];
  return {
    policyOf,
    exceptionOf: (agentId, kind) => known.exceptions.get(keyOf(agentId, kind)),
    hasExceptionAt: ({ namespace, kind }, level) =>
      known.excepted.has(keyOf(namespace, kind, level)),
    exceptions,
    policies: () => [...known.policies.values()],
    places: () => known.places,
    neededLevels: () => neededLevels(everyPolicy(), exceptions()),
    keepsLoopback: () => keepsLoopback(everyPolicy()),
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    look: oneMoreRun(lookOnce),
  };
}

/** No part of a key can hold the separator. */
function keyOf(...parts: readonly string[]): string {
  return parts.join("/");
}

async function readAll(store: Store): Promise<Known> {
  const [names, policyRows, exceptionRows] = await store.read((db) =>
    Promise.all([
      db.selectFrom("namespaces").select("name").orderBy("name").execute(),
      db.selectFrom("link_policies").selectAll().execute(),
      db.selectFrom("policy_exceptions").selectAll().orderBy("agent_id").orderBy("kind").execute(),
    ]),
  );
  const policies = policyRows.flatMap((row) => policyOfRow(row) ?? []);
  const exceptions = exceptionRows.flatMap((row) => exceptionOfRow(row) ?? []);
  return {
    places: names.flatMap(({ name: namespace }) =>
      POLICY_KINDS.map((kind) => ({ namespace, kind })),
    ),
    policies: new Map(policies.map((set) => [keyOf(set.namespace, set.kind), set])),
    exceptions: new Map(exceptions.map((each) => [keyOf(each.agentId, each.kind), each])),
    excepted: new Set(
      exceptions.map(({ namespace, kind, level }) => keyOf(namespace, kind, level)),
    ),
  };
}
