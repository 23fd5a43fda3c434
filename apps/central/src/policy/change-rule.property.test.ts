import assert from "node:assert/strict";
import { it } from "node:test";
import { isSamePolicy, type LinkPolicy, OPEN_POLICY } from "@tautline/protocol";
import * as fc from "fast-check";
import type { AgentState } from "../store/schema.ts";
import { type ChangeAgent, type ChangeStep, isOver, type PolicyChange } from "./change.ts";
import { missingLimitMs, nextStep } from "./change-rule.ts";
import { changedPlaces } from "./enter-step.ts";
import { CLIMBER, MTLS } from "./fixture-change.test.ts";
import { countAgents, exceptionsFor, mayComeBack, type Sight, watchAgent } from "./watch-rule.ts";

/*
 * A change as the rules drive it, with whatever a fleet, operators and a network may do in between. What the engine does besides is to keep
 * each of these steps on the disk.
 */

const AGENTS = 12;
const WINDOW_MS = 60_000;

/** What is seen in one turn. */
interface Turn {
  readonly elapsedMs: number;
  readonly isHeard: boolean;
  readonly sights: readonly Sight[];
  readonly hasFailed: readonly boolean[];
  /** An agent that is revoked now. */
  readonly revoked: number | undefined;
  readonly isUndoAsked: boolean;
  /** Central was killed: how long agents were missing is forgotten. */
  readonly isKilled: boolean;
}

const turns: fc.Arbitrary<Turn> = fc.record({
  elapsedMs: fc.integer({ min: 1_000, max: 10_000 }),
  isHeard: fc.boolean(),
  sights: fc.array(fc.constantFrom<Sight>("meets", "linked", "none"), {
    minLength: AGENTS,
    maxLength: AGENTS,
  }),
  hasFailed: fc.array(fc.boolean(), { minLength: AGENTS, maxLength: AGENTS }),
  revoked: fc.option(fc.nat({ max: AGENTS - 1 }), { nil: undefined, freq: 4 }),
  isUndoAsked: fc.integer({ min: 0, max: 30 }).map((drawn) => drawn === 0),
  isKilled: fc.integer({ min: 0, max: 10 }).map((drawn) => drawn === 0),
});

const policies: fc.Arbitrary<LinkPolicy> = fc.record({
  accept: fc.constantFrom(OPEN_POLICY.accept, MTLS.accept, ["tls", "mtls"] as const),
  clientProof: fc.constantFrom("none", "require"),
  postQuantum: fc.constantFrom("prefer", "require"),
  loopback: fc.constantFrom("keep", "off"),
});

const fleets = fc.array(
  fc.record({ isWatched: fc.boolean(), isLacking: fc.boolean(), isMoved: fc.boolean() }),
  { minLength: AGENTS, maxLength: AGENTS },
);

type Standing = Pick<
  PolicyChange,
  "step" | "spentMs" | "windowMs" | "undoIf" | "mayUndo" | "places" | "policy"
>;

class World {
  change: Standing;
  readonly before: LinkPolicy | undefined;
  now: LinkPolicy | undefined;
  agents: ChangeAgent[];
  readonly states: AgentState[] = Array.from({ length: AGENTS }, () => "active");
  readonly exceptions = new Set<number>();

  constructor(change: Standing, before: LinkPolicy | undefined, agents: ChangeAgent[]) {
    this.change = change;
    this.before = before;
    this.now = before;
    this.agents = agents;
  }

  turn(turn: Turn): void {
    if (turn.revoked !== undefined) {
      this.states[turn.revoked] = "revoked";
    }
    if (turn.isKilled) this.agents = this.agents.map((agent) => ({ ...agent, missingMs: 0 }));
    const { change } = this;
    this.change = { ...change, spentMs: change.spentMs + turn.elapsedMs };
    if (turn.isUndoAsked) this.#enter("undoing");
    for (let elapsedMs = turn.elapsedMs; !isOver(this.change.step); elapsedMs = 0) {
      const counts = this.#act(turn, elapsedMs);
      const { step } = nextStep(this.change, { isHeard: turn.isHeard, ...counts });
      if (step === this.change.step) return;
      this.#enter(step);
    }
  }

  #act({ sights, hasFailed }: Turn, elapsedMs: number): ReturnType<typeof countAgents> {
    if (this.change.step === "moving") {
      this.agents = this.agents.map((agent, at) =>
        sights[at] === "meets" ? { ...agent, hasMet: true } : agent,
      );
      const counts = countAgents(this.agents);
      const settled = this.agents.filter((agent, at) => hasFailed[at] && !agent.hasMet).length;
      return { ...counts, moving: Math.max(0, counts.moving - settled) };
    }
    if (this.change.step === "watching") {
      const limitMs = missingLimitMs(this.change.windowMs);
      for (const [at, agent] of this.agents.entries()) {
        if (!agent.isWatched || agent.isEnded) continue;
        const next = watchAgent(agent, sights[at] ?? "none", elapsedMs, limitMs);
        this.agents[at] = next;
        if (next.isLost && !agent.isLost) this.#letBack(at);
      }
    }
    return countAgents(this.agents);
  }

  #enter(step: ChangeStep): void {
    if (isOver(this.change.step)) return;
    if (step === "watching") {
      for (const [at, { moveTo, hasMet }] of this.agents.entries()) {
        if (moveTo !== null && !hasMet) this.#letBack(at);
      }
      this.now = this.change.policy;
    }
    if (step === "undone") {
      this.exceptions.clear();
      const places = changedPlaces(this.change, () => this.now);
      if (places.length > 0) this.now = this.before;
    }
    this.change = { ...this.change, step, spentMs: 0 };
  }

  #letBack(at: number): void {
    const agent = this.agents[at];
    if (agent === undefined) return;
    if (!mayComeBack(this.states[at])) {
      this.agents[at] = { ...agent, isEnded: true, isLost: false };
      return;
    }
    const isLet = exceptionsFor(this.change, agent).length > 0;
    this.agents[at] = { ...agent, isExcepted: agent.isExcepted || isLet };
    if (isLet) {
      assert.notEqual(this.states[at], "revoked");
      assert.ok(agent.isWatched && this.change.mayUndo && !agent.hasMet);
      this.exceptions.add(at);
    }
  }
}

const worlds = fc
  .record({
    before: fc.option(policies, { nil: undefined }),
    policy: policies,
    mayUndo: fc.boolean(),
    undoIf: fc.integer({ min: 0, max: 100 }),
    fleet: fleets,
  })
  .map(({ before, policy, mayUndo, undoIf, fleet }) => {
    const places = [{ namespace: "default", kind: "control", before } as const];
    const agents = fleet.map(({ isWatched, isLacking, isMoved }, at) => ({
      ...CLIMBER,
      id: `agent-${at}`,
      isWatched,
      lacking: isLacking ? CLIMBER.lacking : [],
      moveTo: isMoved ? CLIMBER.moveTo : null,
    }));
    const standing = { places, policy, mayUndo, undoIf, windowMs: WINDOW_MS };
    return () => new World({ ...standing, step: "opening", spentMs: 0 }, before, agents);
  });

const isSame = (one: LinkPolicy | undefined, other: LinkPolicy | undefined): boolean =>
  one === undefined || other === undefined ? one === other : isSamePolicy(one, other);

/** A third to open, a half to move, a whole and a third to watch, at no less than a second a turn, and a turn a step. */
const MOST_TURNS = (WINDOW_MS / 1_000) * 3 + 10;

it("a change always ends, in the old policy or the new one, whatever the fleet and the network do", () => {
  fc.assert(
    fc.property(worlds, fc.array(turns, { minLength: 1, maxLength: 20 }), (make, seen) => {
      const world = make();
      for (let at = 0; at < MOST_TURNS && !isOver(world.change.step); at += 1) {
        const turn = seen[at % seen.length];
        assert.ok(turn !== undefined);
        world.turn(turn);
        const isKnown = isSame(world.now, world.before) || isSame(world.now, world.change.policy);
        assert.ok(isKnown);
      }
      assert.ok(isOver(world.change.step), `still ${world.change.step}`);
      const { step, policy } = world.change;
      assert.ok(isSame(world.now, step === "done" ? policy : world.before), step);
    }),
    { numRuns: 500 },
  );
});

it("A25: an undo leaves neither an exception nor less than the policy before; A6: no revoked agent is let back", () => {
  fc.assert(
    fc.property(worlds, fc.array(turns, { minLength: 1, maxLength: 40 }), (make, seen) => {
      const world = make();
      for (const turn of seen) world.turn(turn);
      if (!world.change.mayUndo) assert.equal(world.exceptions.size, 0);
      if (world.change.step !== "undone") return;
      assert.equal(world.exceptions.size, 0);
      assert.ok(isSame(world.now, world.before));
    }),
    { numRuns: 500 },
  );
});
