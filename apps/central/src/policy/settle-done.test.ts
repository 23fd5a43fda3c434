import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withCore } from "../fixture-core.test.ts";
import { settleDone } from "./act-step.ts";
import type { PolicyChange } from "./change.ts";
import type { ChangeDeps, OrderStatus } from "./change-deps.ts";
import { type ChangeRun, createRun, restartClock } from "./change-run.ts";
import { CLIMBER, MTLS } from "./fixture-change.test.ts";
import { LEAST_AT_ONCE, MOST_TRIES } from "./wave-rule.ts";

const WINDOW_MS = 18_000;
const TURN_MS = 1_000;

/** A change that is done before all were told. */
const DONE: PolicyChange = {
  id: 1,
  namespace: "default",
  kinds: ["control"],
  policy: MTLS,
  windowMs: WINDOW_MS,
  undoIf: 5,
  mayUndo: true,
  actor: "operator:ana",
  places: [],
  step: "done",
  reason: "",
  undoneBy: "",
  spentMs: 0,
  startedMs: 0,
  stepMs: 0,
  endedMs: 0,
  totals: { stays: 0, moves: 3 * LEAST_AT_ONCE, unknown: 0, "cut off": 0 },
  heardBefore: null,
  heardAfter: null,
  isSettled: false,
};

interface Ground {
  readonly run: ChangeRun;
  readonly deps: Pick<ChangeDeps, "orders" | "store">;
  /** Every order, in order. */
  readonly ordered: string[];
  readonly turn: (isSuperseded?: boolean) => Promise<void>;
}

/** So many agents that were excepted, who fare as is said once they are told. */
const withDone = (
  fares: (id: string) => OrderStatus["status"],
  use: (ground: Ground) => Promise<void>,
): Promise<void> =>
  withCore(async ({ store }) => {
    const agents = Array.from({ length: 3 * LEAST_AT_ONCE }, (_, at) => ({
      ...CLIMBER,
      id: `agent-${at}`,
      isExcepted: true,
    }));
    const run = createRun(DONE, agents);
    const statuses = new Map<string, OrderStatus>();
    const ordered: string[] = [];
    const orders: ChangeDeps["orders"] = {
      order: async (ids, level) => {
        ordered.push(...ids);
        for (const id of ids) statuses.set(id, { level, status: fares(id), error: "" });
      },
      withdraw: async () => assert.fail("nobody's order is taken back"),
      statusOf: async () => statuses,
    };
    const deps = { orders, store };
    const turn = async (isSuperseded = false): Promise<void> => {
      await settleDone(deps, run, isSuperseded);
      run.change = { ...run.change, spentMs: run.change.spentMs + TURN_MS };
    };
    await use({ run, deps, ordered, turn });
  });

describe("a change that is done before everybody was told", () => {
  it("A25: goes on telling them in waves, and ends when the last have climbed", () =>
    withDone(
      () => "applied",
      async ({ run, ordered, turn }) => {
        await turn();
        assert.equal(ordered.length, LEAST_AT_ONCE);
        for (let turns = 0; !run.change.isSettled; turns += 1) {
          assert.ok(turns < 10, "it does not end");
          await turn();
        }
        assert.equal(new Set(ordered).size, run.agents.size);
        assert.equal(ordered.length, run.agents.size, "each once");
        assert.equal(run.change.step, "done");
      },
    ));

  it("ends though some fail again and again and others fall silent", () =>
    withDone(
      (id) => (id.endsWith("7") ? "failed" : "offered"),
      async ({ run, ordered, turn }) => {
        for (let turns = 0; !run.change.isSettled; turns += 1) {
          assert.ok(turns < 2 * (WINDOW_MS / TURN_MS), "it does not end");
          await turn();
        }
        const tries = Map.groupBy(ordered, (id) => id);
        for (const [id, all] of tries) {
          assert.equal(all.length, id.endsWith("7") ? MOST_TRIES : 1, id);
        }
        assert.equal(tries.size, run.agents.size);
      },
    ));

  it("leaves them to a later change for the same agents", () =>
    withDone(
      () => "offered",
      async ({ run, ordered, turn }) => {
        await turn();
        await turn(true);
        assert.equal(run.change.isSettled, true);
        assert.equal(ordered.length, LEAST_AT_ONCE);
      },
    ));

  it("what was told in the step before keeps its distance in the clock of the next", () => {
    const run = createRun({ ...DONE, step: "watching", spentMs: 17_000 }, []);
    run.told.set("agent-1", { tries: 2, atMs: 15_000 });
    restartClock(run);
    assert.deepEqual(run.told.get("agent-1"), { tries: 2, atMs: -2_000 });
  });
});
