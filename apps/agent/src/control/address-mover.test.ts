import assert from "node:assert/strict";
import { test } from "node:test";
import { TautlineError, type InstructionReceipt } from "@tautline/protocol";
import { sampleMoving } from "../../test/sample-states.ts";
import type { AgentState } from "../settings/agent-state.ts";
import { nextState } from "../settings/settings-rule.ts";
import type { SettingsStore } from "../settings/settings-store.ts";
import { createAddressMover, type AddressMover, type MoveStart } from "./address-mover.ts";

const OLD = "central.example:9150";
const NEW = "new.example:9150";
const REFUSED = new TautlineError("link.unreachable", {
  detail: { address: NEW, reason: "nothing listens there" },
});

interface Scene {
  readonly mover: AddressMover;
  readonly told: InstructionReceipt[];
  readonly audited: string[];
  readonly tried: (readonly string[])[];
  /** Addresses in use, then those pending. */
  readonly addresses: () => (readonly string[] | undefined)[];
}

/** An agent whose disk says that a move is pending, as a crash leaves it. */
function scene(start: () => MoveStart, { isDiskFull = (): boolean => false } = {}): Scene {
  let state: AgentState = sampleMoving;
  const told: InstructionReceipt[] = [];
  const audited: string[] = [];
  const tried: (readonly string[])[] = [];
  const store: SettingsStore = {
    get state() {
      return state;
    },
    apply: (event) => (state = nextState(state, event)),
  };
  const mover = createAddressMover({
    store,
    audit: {
      finding: undefined,
      append: (event) => {
        if (isDiskFull()) {
          const detail = { file: "audit", reason: "ENOSPC" };
          throw new TautlineError("agent.audit_unwritable", { detail });
        }
        audited.push(event);
      },
      close: () => {},
    },
    moveTo: async (addresses) => {
      tried.push(addresses);
      return start();
    },
    tell: (receipt) => told.push(receipt),
    onProblem: () => {},
    onMoved: () => {},
  });
  return {
    mover,
    told,
    audited,
    tried,
    addresses: () =>
      state.state === "committed" ? [state.identity.addresses, state.move?.addresses] : [],
  };
}

/** Lets what `moveTo` gave be followed. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("a move that a crash left pending goes on with the first answer at an old address, and ends at the new one", async () => {
  const { mover, told, tried, audited, addresses } = scene(() => "opened");
  mover.answered(OLD);
  await turn();
  assert.deepEqual(tried, [[NEW]]);
  assert.deepEqual(addresses(), [[OLD], [NEW]], "both are kept until central has answered");
  mover.answered(NEW);
  assert.deepEqual(addresses(), [[NEW], undefined]);
  assert.deepEqual(told, [{ signerEpoch: 3, seq: 9n, code: "", text: "" }]);
  assert.deepEqual(audited, ["addresses.proven"]);
});

test("a first answer at a new address, where the old ones are dead already, is all the proof there is to have", () => {
  const { mover, tried, addresses } = scene(() => "opened");
  mover.answered(NEW);
  assert.deepEqual(tried, []);
  assert.deepEqual(addresses(), [[NEW], undefined]);
});

test("new addresses where no link can be opened are dropped, with the reason to central", async () => {
  const { mover, told, audited, addresses } = scene(() => REFUSED);
  mover.answered(OLD);
  await turn();
  assert.deepEqual(addresses(), [[OLD], undefined]);
  assert.equal(told[0]?.code, "agent.addresses_unreachable");
  assert.match(told[0]?.text ?? "", /nothing listens there/);
  assert.deepEqual(audited, ["addresses.failed"]);
});

test("a link that opened at a new address and was not answered is a failure, told over the next link at an old one", async () => {
  const { mover, told, addresses } = scene(() => "opened");
  mover.answered(OLD);
  await turn();
  const detail = { address: NEW, seconds: 30 };
  mover.unanswered(NEW, new TautlineError("agent.central_silent", { detail }));
  assert.equal(told.length, 0);
  mover.answered(OLD);
  assert.deepEqual(addresses(), [[OLD], undefined]);
  assert.match(told[0]?.text ?? "", /did not answer a message within 30 s/);
});

test("a move that could not be tried now is tried with the next answer", async () => {
  const starts: MoveStart[] = ["busy", "opened"];
  const { mover, tried, told } = scene(() => starts.shift() ?? "busy");
  mover.answered(OLD);
  await turn();
  mover.answered(OLD);
  await turn();
  assert.deepEqual([tried.length, told.length], [2, 0]);
});

test("F11: an end that cannot be written down has not happened, and comes again with the next answer", () => {
  let isFull = true;
  const { mover, told, addresses } = scene(() => "opened", { isDiskFull: () => isFull });
  mover.answered(NEW);
  assert.deepEqual([addresses(), told], [[[OLD], [NEW]], []]);
  isFull = false;
  mover.answered(NEW);
  assert.deepEqual(addresses(), [[NEW], undefined]);
  assert.equal(told.length, 1);
});
