import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isSamePolicy, OPEN_POLICY } from "@tautline/protocol";
import { MTLS } from "./fixture-change.test.ts";
import { Killed, ORDER, withWorld, type World } from "./fixture-world.test.ts";

const SHORT = { ...ORDER, windowMs: 3_000 };
const UNDO = { namespace: "default", actor: "operator:ana" };

/** Tells whether central was killed while `work` lasted. */
async function isKilledIn(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof Killed) return true;
    throw error;
  }
}

/** One that climbs when it is told to, one that is never heard to have done it, one at mtls. */
interface Fleet {
  readonly world: World;
  readonly climber: string;
  readonly straggler: string;
  readonly good: string;
}

async function makeFleet(world: World): Promise<Fleet> {
  const climber = await world.agent("plaintext");
  const straggler = await world.agent("plaintext");
  return { world, climber, straggler, good: await world.agent("mtls") };
}

/** As before the first change. */
async function begin({ world, climber, straggler, good }: Fleet): Promise<void> {
  world.orders.clear();
  for (const id of [climber, straggler]) await world.link(id, "plaintext");
  await world.link(good, "mtls");
}

/** What agents do while central works: each comes back after a restart as it was told. */
async function live({ world, climber, straggler, good }: Fleet): Promise<void> {
  const isTold = world.orders.has(climber);
  if (isTold) await world.climb(climber);
  else await world.link(climber, "plaintext");
  const isHeld = isSamePolicy(world.policies.book.policyOf("default", "control"), OPEN_POLICY);
  const mayStay = world.policies.book.exceptionOf(straggler, "control") !== undefined;
  if (isHeld || mayStay) await world.link(straggler, "plaintext");
  await world.link(good, "mtls");
}

const policyNow = ({ policies }: World) => policies.book.policyOf("default", "control");

/**
 * Kills at one effect after the other of what `prepare` gives, until one run ends without.
 *
 * @returns how many effects there were
 */
async function killEverywhere(
  world: World,
  comeBack: () => Promise<void>,
  prepare: () => Promise<() => Promise<void>>,
  check: (at: number) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at += 1) {
    const run = await prepare();
    world.killAt = world.effects + at;
    const isKilled = await isKilledIn(run);
    await world.restart();
    await comeBack();
    await check(at);
    if (!isKilled) return at;
  }
}

describe("kill -9 of central at every effect of a change (F1)", () => {
  it("ends in the old policy or the new one, watched to its end", () =>
    withWorld(async (world) => {
      const fleet = await makeFleet(world);
      const seen = new Set<string>();
      const effects = await killEverywhere(
        world,
        () => live(fleet),
        async () => {
          await begin(fleet);
          return async () => {
            await world.changes.apply(SHORT);
            await world.end(() => live(fleet));
          };
        },
        async (at) => {
          const [newest] = await world.changes.list(1);
          if (
            newest === undefined ||
            (newest.change.step === "undone" && newest.change.isSettled)
          ) {
            assert.equal(policyNow(world), OPEN_POLICY, `effect ${at}`);
            return;
          }
          const { step } = newest.change;
          seen.add(step);
          const isClosed = step === "watching" || step === "done";
          const expected = isClosed ? MTLS : OPEN_POLICY;
          assert.deepEqual(policyNow(world), expected, `effect ${at}, ${step}`);
          const ended = await world.end(() => live(fleet));
          assert.equal(ended.step, "done", `effect ${at}, ${ended.reason}`);
          assert.deepEqual(policyNow(world), MTLS);
          assert.equal(world.settings.plaintext.bind, "public");
          assert.equal(world.policies.book.exceptions().length, 1);
          await world.changes.undo(UNDO);
          await world.end();
        },
      );
      assert.deepEqual([...seen], ["opening", "moving", "closing", "watching", "done"]);
      assert.ok(effects > 12, `${effects} effects`);
    }));

  it("A25: an undo that was begun ends in the old policy, with all listeners as before", () =>
    withWorld(async (world) => {
      const good = await world.agent("mtls");
      const before = world.settings;
      const apply = async (): Promise<void> => {
        await world.changes.apply(SHORT);
        await world.end();
        assert.equal(world.settings.plaintext.bind, "loopback");
      };
      const undo = async (): Promise<void> => {
        await world.changes.undo(UNDO);
        await world.end();
      };
      const effects = await killEverywhere(
        world,
        () => world.link(good, "mtls"),
        async () => {
          await apply();
          return undo;
        },
        async (at) => {
          if ((await world.change()).step === "done") {
            assert.deepEqual(policyNow(world), MTLS, `effect ${at}`);
            await undo();
          }
          const { step } = await world.end();
          assert.equal(step, "undone", `effect ${at}`);
          assert.equal(policyNow(world), OPEN_POLICY);
          assert.deepEqual(world.settings, before);
        },
      );
      assert.ok(effects > 8, `${effects} effects`);
    }));
});
