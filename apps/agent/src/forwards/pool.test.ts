import assert from "node:assert/strict";
import { test } from "node:test";
import { createBackoff } from "@tautline/link";
import { isTautlineError, TautlineError } from "@tautline/protocol";
import { createManualClock, type ManualClock } from "../../test/manual-clock.ts";
import { createForwardPool, type ForwardPool, type PooledLink, type PoolOptions } from "./pool.ts";

const never = new AbortController().signal;
const broken = (): TautlineError =>
  new TautlineError("link.broken", { detail: { address: "c:1", reason: "it broke" } });

class TestLink implements PooledLink {
  isIdle = true;
  isClosed = false;
  readonly #gone = Promise.withResolvers<unknown>();
  readonly gone = this.#gone.promise;

  close(): void {
    this.isClosed = true;
    this.die();
  }

  die(reason: unknown = broken()): void {
    this.isIdle = false;
    this.#gone.resolve(reason);
  }
}

interface Scene {
  readonly clock: ManualClock;
  readonly pool: ForwardPool<TestLink>;
  readonly problems: TautlineError[];
  /** Dials under way, in order. */
  readonly dials: ReturnType<typeof Promise.withResolvers<TestLink>>[];
  /** Answers the oldest dial. */
  readonly answer: () => Promise<TestLink>;
  readonly fail: (error?: TautlineError) => Promise<void>;
}

/** What promises have to say is said. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function scene(options: Partial<PoolOptions<TestLink>> = {}): Scene {
  const clock = createManualClock();
  const dials: Scene["dials"] = [];
  const problems: TautlineError[] = [];
  const pool = createForwardPool<TestLink>({
    dial: (signal) => {
      const dial = Promise.withResolvers<TestLink>();
      signal.addEventListener("abort", () => dial.reject(broken()));
      dials.push(dial);
      return dial.promise;
    },
    warm: 1,
    mostIdle: 3,
    idleMs: 60_000,
    clock,
    backoff: createBackoff({ random: () => 0.5 }),
    onProblem: (error) => problems.push(error),
    ...options,
  });
  pool.start();
  return {
    clock,
    pool,
    problems,
    dials,
    answer: async () => {
      const link = new TestLink();
      dials.shift()?.resolve(link);
      await settled();
      return link;
    },
    fail: async (error = broken()) => {
      dials.shift()?.reject(error);
      await settled();
    },
  };
}

const isDialFailed = (error: unknown): boolean =>
  isTautlineError(error) && error.code === "agent.forward_dial_failed";

test("what is warm is ready before anybody asks, and made ready again as soon as it is taken", async () => {
  const { pool, dials, answer } = scene({ warm: 2 });
  assert.equal(dials.length, 2);
  await answer();
  const second = await answer();
  assert.deepEqual(pool.counts, { ready: 2, inUse: 0 });
  assert.equal(await pool.take(never), second);
  assert.equal(dials.length, 1);
});

test("who finds none ready gets the next one that is dialled, in the order of asking", async () => {
  const { pool, dials, answer } = scene({ warm: 0 });
  assert.equal(dials.length, 0);
  const asked = [pool.take(never), pool.take(never)];
  assert.equal(dials.length, 2);
  const links = [await answer(), await answer()];
  assert.deepEqual(await Promise.all(asked), links);
  assert.deepEqual(pool.counts, { ready: 0, inUse: 2 });
});

test("a link that comes back idle serves the next, without a dial; one that does not is closed", async () => {
  const { pool, answer } = scene({ warm: 0 });
  const asked = pool.take(never);
  const link = await answer();
  await asked;
  pool.giveBack(link);
  assert.equal(await pool.take(never), link);
  link.isIdle = false;
  pool.giveBack(link);
  assert.ok(link.isClosed);
  assert.deepEqual(pool.counts, { ready: 0, inUse: 0 });
});

test("given back twice it is one link all the same", async () => {
  const { pool, answer } = scene({ warm: 0 });
  const asked = pool.take(never);
  const link = await answer();
  await asked;
  pool.giveBack(link);
  pool.giveBack(link);
  assert.deepEqual(pool.counts, { ready: 1, inUse: 0 });
});

test("a link that comes back goes to who waits, and what was dialled for them is ready", async () => {
  const { pool, answer } = scene({ warm: 0 });
  const first = pool.take(never);
  const link = await answer();
  await first;
  const second = pool.take(never);
  pool.giveBack(link);
  assert.equal(await second, link);
  await answer();
  assert.deepEqual(pool.counts, { ready: 1, inUse: 1 });
});

test("no more than 16 dials are under way, however many ask", async () => {
  const { pool, dials, answer } = scene({ warm: 0 });
  const asked = Array.from({ length: 20 }, () => pool.take(never));
  assert.equal(dials.length, 16);
  while (dials.length > 0) await answer();
  assert.equal(new Set(await Promise.all(asked)).size, 20);
});

test("of more idle ones than may be the oldest is closed", async () => {
  const { pool, answer } = scene({ warm: 0, mostIdle: 1 });
  const asked = [pool.take(never), pool.take(never)];
  const [a, b] = [await answer(), await answer()];
  await Promise.all(asked);
  pool.giveBack(a);
  pool.giveBack(b);
  assert.deepEqual([a.isClosed, b.isClosed], [true, false]);
});

test("what nobody used for the idle time is closed down to what is warm", async () => {
  const { pool, clock, answer } = scene({ warm: 1 });
  await answer();
  const first = await pool.take(never);
  await answer();
  pool.giveBack(first);
  assert.equal(pool.counts.ready, 2);
  clock.advance(59_999);
  assert.equal(pool.counts.ready, 2);
  clock.advance(1);
  assert.equal(pool.counts.ready, 1);
  clock.advance(600_000);
  assert.equal(pool.counts.ready, 1);
});

test("while central cannot be reached whoever asks is refused at once, and dials wait longer and longer", async () => {
  const { pool, clock, dials, fail, problems } = scene({ warm: 1 });
  const asked = pool.take(never);
  const refused = assert.rejects(asked, isDialFailed);
  assert.equal(dials.length, 2);
  await fail();
  assert.equal(problems.length, 1);
  await fail();
  await refused;
  await assert.rejects(pool.take(never), /it broke/);
  assert.deepEqual([dials.length, problems.length], [0, 1]);
  assert.deepEqual(clock.pending, [500]);
  clock.advance(500);
  assert.equal(dials.length, 1);
  await fail();
  assert.deepEqual(clock.pending, [750]);
});

test("a dial that is still under way may serve who waits although another failed", async () => {
  const { pool, fail, answer } = scene({ warm: 0 });
  const asked = [pool.take(never), pool.take(never)];
  await fail();
  const link = await answer();
  assert.equal(await asked[0], link);
  const [, second] = asked;
  pool.giveBack(link);
  assert.equal(await second, link);
});

test("after the wait who asks causes the next dial, and a stream that ended well ends the waiting", async () => {
  const { pool, clock, dials, fail, answer } = scene({ warm: 0 });
  const asked = pool.take(never);
  await Promise.all([assert.rejects(asked, isDialFailed), fail()]);
  clock.advance(500);
  assert.equal(dials.length, 0);
  const again = pool.take(never);
  const link = await answer();
  pool.giveBack(await again);
  link.die();
  await settled();
  const third = pool.take(never);
  await Promise.all([assert.rejects(third, isDialFailed), fail()]);
  assert.deepEqual(clock.pending, [500]);
});

const refusal = (retryAfterSeconds: number): TautlineError =>
  new TautlineError("link.refused", { detail: { address: "c:1", retryAfterSeconds } });

test("central's Retry-After is waited for, and no longer than this agent is willing to", async () => {
  const { clock, fail } = scene();
  await fail(refusal(90));
  assert.deepEqual(clock.pending, [90_000]);
  clock.advance(90_000);
  await fail(refusal(999_999));
  assert.ok((clock.pending[0] ?? Infinity) < 999_999_000);
});

test("a link that dies unused and young counts as a failed dial, and each one makes the wait longer", async () => {
  const { clock, dials, problems, answer } = scene();
  for (const waitMs of [500, 750, 1125]) {
    const link = await answer();
    link.die();
    await settled();
    assert.equal(dials.length, 0);
    assert.deepEqual(clock.pending, [waitMs]);
    clock.advance(waitMs);
  }
  assert.equal(problems.length, 3);
});

test("a link that dies old is replaced at once", async () => {
  const { clock, dials, problems, answer } = scene();
  const link = await answer();
  clock.advance(10_000);
  link.die();
  await settled();
  assert.deepEqual([dials.length, problems.length], [1, 0]);
});

test("a link that can take no stream any more is never given out, told or not", async () => {
  const { pool, dials, answer } = scene();
  const link = await answer();
  link.isIdle = false;
  const asked = pool.take(never);
  assert.ok(link.isClosed);
  assert.equal(dials.length, 2);
  assert.equal(await answer(), await asked);
});

test("a new identity dials anew: what is ready is closed, and what is in use once it comes back", async () => {
  const { pool, dials, answer } = scene();
  await answer();
  const used = await pool.take(never);
  const ready = await answer();
  pool.renew();
  assert.deepEqual([ready.isClosed, used.isClosed], [true, false]);
  pool.giveBack(used);
  assert.ok(used.isClosed);
  assert.equal(dials.length, 1);
});

test("a dial that began under the old identity is of no use to the new one", async () => {
  const { pool, dials, answer } = scene();
  pool.renew();
  const old = await answer();
  assert.ok(old.isClosed);
  assert.equal(dials.length, 1);
  await answer();
  assert.equal(pool.counts.ready, 1);
});

test("who does not want to wait any more does not take a link from others", async () => {
  const { pool, answer } = scene({ warm: 0 });
  const calling = new AbortController();
  const asked = pool.take(calling.signal);
  calling.abort();
  await assert.rejects(asked, { code: "link.cancelled" });
  await answer();
  assert.deepEqual(pool.counts, { ready: 1, inUse: 0 });
  await assert.rejects(pool.take(calling.signal), { code: "link.cancelled" });
});

test("stopped, it closes what is ready, and what is in use once it comes back; it dials no more and reports nothing", async () => {
  const { pool, clock, dials, problems, answer } = scene({ warm: 1 });
  await answer();
  const used = await pool.take(never);
  const ready = await answer();
  pool.stop();
  assert.deepEqual([ready.isClosed, used.isClosed], [true, false]);
  pool.giveBack(used);
  assert.ok(used.isClosed);
  clock.advance(600_000);
  await settled();
  assert.deepEqual([dials.length, problems.length, clock.pending.length], [0, 0, 0]);
});

test("stopped, it calls dials off and refuses who waits and who comes", async () => {
  const { pool, problems } = scene({ warm: 0 });
  const waiting = assert.rejects(pool.take(never), { code: "link.cancelled" });
  pool.stop();
  await waiting;
  await assert.rejects(pool.take(never), { code: "link.cancelled" });
  await settled();
  assert.deepEqual(problems, []);
});
