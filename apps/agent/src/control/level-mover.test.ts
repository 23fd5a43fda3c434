import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError, type InstructionReceipt, type Level } from "@tautline/protocol";
import { sampleCommitted } from "../../test/sample-states.ts";
import { joinedLevel, pastLevels } from "../level-rule.ts";
import type { AgentState, CommittedState, LevelMove } from "../settings/agent-state.ts";
import { nextState } from "../settings/settings-rule.ts";
import type { MoveStart } from "./address-mover.ts";
import { createLevelMover, type LevelMover } from "./level-mover.ts";

const OLD = "central.example:8787";
const NEW = "central.example:9150";
const NOBODY = new TautlineError("link.unreachable", {
  detail: { address: NEW, reason: "nothing listens there" },
});
const levelMove = { level: "mtls", addresses: [NEW], epoch: 3, seq: 9n } as const;
/** What a kill between the acceptance and the proof leaves behind. */
const ordered: CommittedState = { ...sampleCommitted, levelMove };

/** What the mover writes. */
type Written = "audit" | "settings";

function refuseIf(isFull: boolean): void {
  if (!isFull) return;
  const detail = { file: "a file", reason: "ENOSPC" };
  throw new TautlineError("agent.audit_unwritable", { detail });
}

interface Scene {
  readonly mover: LevelMover;
  readonly told: InstructionReceipt[];
  readonly audited: string[];
  readonly tried: Level[];
  readonly problems: string[];
  readonly climbs: (Level | undefined)[];
  /** In use, then ordered. */
  readonly levels: () => (Level | undefined)[];
  /** Another instruction comes. */
  readonly replace: (move: LevelMove) => void;
}

function scene(
  start: () => MoveStart | Promise<MoveStart>,
  {
    first = ordered,
    hasKey = true,
    refuses = (): boolean => false,
  }: { first?: CommittedState; hasKey?: boolean; refuses?: (file: Written) => boolean } = {},
): Scene {
  let state: AgentState = first;
  const told: InstructionReceipt[] = [];
  const audited: string[] = [];
  const tried: Level[] = [];
  const problems: string[] = [];
  const climbs: (Level | undefined)[] = [];
  const level = (): Level =>
    joinedLevel({ asked: "plaintext", floor: "plaintext", ...pastLevels(state) });
  const mover = createLevelMover({
    store: {
      get state() {
        return state;
      },
      apply: (event) => {
        refuseIf(refuses("settings"));
        return (state = nextState(state, event));
      },
    },
    audit: {
      finding: undefined,
      append: (event) => {
        refuseIf(refuses("audit"));
        audited.push(event);
      },
      close: () => {},
    },
    level,
    findKey: async () => {
      if (!hasKey) throw new TautlineError("agent.key_missing");
    },
    climb: async ({ level: to }) => {
      tried.push(to);
      return start();
    },
    tell: (receipt) => told.push(receipt),
    onProblem: ({ code }) => problems.push(code),
    onClimbed: ({ climbed }) => climbs.push(climbed?.level),
  });
  const levels = (): (Level | undefined)[] =>
    state.state === "committed" ? [level(), state.levelMove?.level] : [];
  const replace = (move: LevelMove): void =>
    void (state = nextState(state, { kind: "level_ordered", ...move }));
  return { mover, told, audited, tried, problems, climbs, levels, replace };
}

/** Lets what was begun be followed. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("F3: a climb that a kill left pending goes on with the first answer at the old level, and ends at the new one", async () => {
  const { mover, told, tried, audited, climbs, levels } = scene(() => "opened");
  mover.answered();
  await turn();
  assert.deepEqual(tried, ["mtls"]);
  assert.deepEqual(levels(), ["plaintext", "mtls"], "both are kept until central has answered");
  mover.proven("mtls", NEW);
  mover.answered();
  assert.deepEqual(levels(), ["mtls", undefined]);
  assert.deepEqual(told, [{ signerEpoch: 3, seq: 9n, code: "", text: "" }]);
  assert.deepEqual([audited, climbs], [["level.climbed"], ["mtls"]]);
});

test("a level at which no link can be opened is dropped, with the reason to central, and the old one stays", async () => {
  const { mover, told, audited, levels } = scene(() => NOBODY);
  mover.answered();
  await turn();
  assert.deepEqual(levels(), ["plaintext", undefined]);
  assert.equal(told[0]?.code, "agent.level_unreachable");
  assert.match(told[0]?.text ?? "", /at level 'mtls': .*nothing listens there/);
  assert.deepEqual(audited, ["level.failed"]);
});

test("a link that opened at the new level and was not answered is a failure, told over the next link at the old one", async () => {
  const { mover, told, levels } = scene(() => "opened");
  mover.answered();
  await turn();
  const detail = { address: NEW, seconds: 30 };
  mover.unanswered("mtls", new TautlineError("agent.central_silent", { detail }));
  assert.equal(told.length, 0);
  mover.proven("plaintext", OLD);
  mover.answered();
  assert.deepEqual(levels(), ["plaintext", undefined]);
  assert.match(told[0]?.text ?? "", /did not answer a message within 30 s/);
});

test("what happens at the old level meanwhile is no reason against the new one", async () => {
  const { mover, told } = scene(() => "opened");
  mover.answered();
  await turn();
  mover.unanswered("plaintext", NOBODY);
  mover.answered();
  assert.match(told[0]?.text ?? "", /central did not answer at it/);
});

test("a climb that could not be tried now is tried with the next answer", async () => {
  const starts: MoveStart[] = ["busy", "opened"];
  const { mover, tried, told } = scene(() => starts.shift() ?? "busy");
  mover.begin();
  await turn();
  mover.answered();
  await turn();
  assert.deepEqual([tried.length, told.length], [2, 0]);
});

test("an order that took the place of another while that was tried is tried as soon as the other has failed", async () => {
  const first = Promise.withResolvers<MoveStart>();
  const starts: (MoveStart | Promise<MoveStart>)[] = [first.promise, NOBODY];
  const { mover, tried, told, replace } = scene(() => starts.shift() ?? "busy");
  mover.begin();
  replace({ ...levelMove, seq: 10n });
  mover.begin();
  // Heartbeats go on over the old link.
  mover.answered();
  assert.deepEqual([tried.length, told.length], [1, 0]);
  first.resolve(NOBODY);
  await turn();
  assert.equal(tried.length, 2);
  assert.deepEqual(
    told.map(({ seq, code }) => [seq, code]),
    [[10n, "agent.level_unreachable"]],
  );
});

test("basic and advanced are not even dialled where this host has no key", async () => {
  const first = { ...ordered, levelMove: { ...levelMove, level: "basic" as const } };
  const { mover, tried, told, levels } = scene(() => "opened", { first, hasKey: false });
  mover.begin();
  await turn();
  assert.deepEqual([tried, levels()], [[], ["plaintext", undefined]]);
  assert.match(told[0]?.text ?? "", /need a key shared with central, and none is set/);
});

test("an order to the level that is in use already is carried out by saying so", () => {
  const climbed = { level: "mtls", addresses: [NEW], by: "rescue" } as const;
  const { mover, tried, told, levels } = scene(() => "opened", { first: { ...ordered, climbed } });
  mover.begin();
  assert.deepEqual([tried, levels()], [[], ["mtls", undefined]]);
  assert.equal(told[0]?.code, "");
});

test("QMP-2: a higher level that nobody ordered comes into use as a rescue, and is told as one", () => {
  const scenery = scene(() => "opened", { first: sampleCommitted });
  const { mover, told, problems, levels, climbs } = scenery;
  mover.unanswered("plaintext", NOBODY);
  mover.proven("mtls", NEW);
  assert.deepEqual([levels(), climbs], [["mtls", undefined], ["mtls"]]);
  assert.deepEqual([told, problems], [[], ["agent.level_rescued"]]);
});

test("A24: an answer at or below the level in use changes nothing", () => {
  const climbed = { level: "tls", addresses: [NEW], by: "instruction" } as const;
  const { mover, levels, audited } = scene(() => "opened", {
    first: { ...sampleCommitted, climbed },
  });
  for (const level of ["plaintext", "basic", "advanced", "tls"] as const) mover.proven(level, OLD);
  assert.deepEqual([levels(), audited], [["tls", undefined], []]);
});

for (const file of ["audit", "settings"] as const) {
  test(`F3, F11: a climb that cannot be written into ${file} has not happened, and its link is of no use`, () => {
    let isFull = true;
    const refuses = (written: Written): boolean => isFull && written === file;
    const { mover, told, levels, climbs } = scene(() => "opened", { refuses });
    assert.throws(() => mover.proven("mtls", NEW), /ENOSPC/);
    assert.deepEqual([levels(), told, climbs], [["plaintext", "mtls"], [], []]);
    isFull = false;
    mover.proven("mtls", NEW);
    assert.deepEqual([levels(), climbs], [["mtls", undefined], ["mtls"]]);
    assert.equal(told.length, 1);
  });

  test(`F3, F11: a failure that cannot be written into ${file} is told with the next answer, once`, async () => {
    let isFull = true;
    const refuses = (written: Written): boolean => isFull && written === file;
    const { mover, told, levels } = scene(() => NOBODY, { refuses });
    mover.answered();
    await turn();
    assert.deepEqual([levels(), told], [["plaintext", "mtls"], []]);
    isFull = false;
    mover.answered();
    await turn();
    assert.deepEqual(levels(), ["plaintext", undefined]);
    assert.equal(told.length, 1);
  });
}
